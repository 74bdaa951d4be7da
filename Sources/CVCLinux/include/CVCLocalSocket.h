#pragma once

// Sockets between programs of one user (unix(7)), which keep messages apart (SOCK_SEQPACKET). All
// descriptors are closed by exec.

#include <stdint.h>
#include <sys/types.h>

/// Listens at `path`, which only this user may connect to. The descriptor, which does not block, or
/// -1 with errno.
int vc_local_listen(const char *path);

/// Connects to `path`; the descriptor or -1 with errno: EAGAIN where it took longer than so many
/// milliseconds, which hold for sending, too.
int vc_local_connect(const char *path, int milliseconds);

/// The next connection, which does not block, or -1 with errno.
int vc_local_accept(int socket);

/// Whether the program at the other end runs as this user (SO_PEERCRED).
int vc_local_is_own(int socket);

/// Sends one message; the number of bytes or -1 with errno. Never raises SIGPIPE.
ssize_t vc_local_send(int socket, const void *bytes, size_t count);

/// Makes the folder `path` for this user only, unless it is there. Whether it is a folder that
/// belongs to this user and that nobody else may enter.
int vc_private_folder(const char *path);
