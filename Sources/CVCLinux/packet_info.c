#include "CVCLinux.h"

#include <netinet/in.h>
#include <string.h>

_Static_assert(
    CMSG_SPACE(sizeof(struct in6_pktinfo)) <= VC_PACKET_INFO_BYTES, "IPV6_PKTINFO control message");
_Static_assert(
    CMSG_SPACE(sizeof(struct in_pktinfo)) <= VC_PACKET_INFO_BYTES, "IP_PKTINFO control message");

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int vc_packet_destination(const struct msghdr *message, unsigned char address[16]) {
    struct msghdr *mutable = (struct msghdr *)message;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(mutable); part != NULL;
         part = CMSG_NXTHDR(mutable, part)) {
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            memcpy(address, &info.ipi6_addr, 16);
            return 1;
        }
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            memcpy(address, mapped, sizeof mapped);
            memcpy(address + 12, &info.ipi_addr, 4);
            return 1;
        }
    }
    return 0;
}

void vc_set_packet_source(
    struct msghdr *message, void *control, const unsigned char address[16], int is_dual_stack) {
    memset(control, 0, VC_PACKET_INFO_BYTES);
    message->msg_control = control;
    message->msg_controllen = VC_PACKET_INFO_BYTES;
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    if (is_dual_stack) {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, address, 16);
        part->cmsg_level = IPPROTO_IPV6;
        part->cmsg_type = IPV6_PKTINFO;
        part->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(part), &info, sizeof info);
        message->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, address + 12, 4);
        part->cmsg_level = IPPROTO_IP;
        part->cmsg_type = IP_PKTINFO;
        part->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(part), &info, sizeof info);
        message->msg_controllen = CMSG_SPACE(sizeof info);
    }
}
