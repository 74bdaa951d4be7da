#pragma once

/// Calls `body` on a thread of its own in a network namespace of its own, with nothing in it but a
/// loopback interface that is down, and waits until it has returned. Threads and processes that
/// `body` starts are in the same namespace. 0, or an errno value: EPERM without the right to it.
int vc_in_network_namespace(void (*body)(void *context), void *context);
