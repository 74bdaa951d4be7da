#include "CNetworkNamespace.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

struct call {
    void (*body)(void *context);
    void *context;
    int code;
};

static void *run(void *argument) {
    struct call *call = argument;
    if (unshare(CLONE_NEWNET) != 0) {
        call->code = errno;
    } else {
        call->body(call->context);
    }
    return NULL;
}

int vc_in_network_namespace(void (*body)(void *context), void *context) {
    struct call call = {body, context, 0};
    pthread_t thread;
    int code = pthread_create(&thread, NULL, run, &call);
    if (code != 0) return code;
    pthread_join(thread, NULL);
    return call.code;
}
