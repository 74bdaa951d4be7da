#include "CVCLocalSocket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int set_path(struct sockaddr_un *address, const char *path) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

static int close_keeping_errno(int descriptor) {
    int kept = errno;
    close(descriptor);
    errno = kept;
    return -1;
}

int vc_local_listen(const char *path) {
    struct sockaddr_un address;
    if (set_path(&address, path) != 0) return -1;
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    // Before bind: the file is made with these rights, not given them later (unix(7)).
    if (fchmod(descriptor, 0600) != 0
        || bind(descriptor, (const struct sockaddr *)&address, sizeof address) != 0
        || listen(descriptor, 8) != 0)
        return close_keeping_errno(descriptor);
    return descriptor;
}

int vc_local_connect(const char *path, int milliseconds) {
    struct sockaddr_un address;
    if (set_path(&address, path) != 0) return -1;
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    struct timeval patience = {milliseconds / 1000, milliseconds % 1000 * 1000};
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0
        || connect(descriptor, (const struct sockaddr *)&address, sizeof address) != 0)
        return close_keeping_errno(descriptor);
    return descriptor;
}

int vc_local_accept(int socket) {
    return accept4(socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int vc_local_is_own(int socket) {
    struct ucred other;
    socklen_t size = sizeof other;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0
        && other.uid == geteuid();
}

ssize_t vc_local_send(int socket, const void *bytes, size_t count) {
    return send(socket, bytes, count, MSG_NOSIGNAL);
}

int vc_private_folder(const char *path) {
    struct stat found;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return 0;
    return lstat(path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid()
        && (found.st_mode & 077) == 0;
}
