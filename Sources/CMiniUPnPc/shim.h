#pragma once

// Types and constants only: libminiupnpc is loaded when a port is to be mapped and the router does
// not speak NAT-PMP (UPnPLibrary.swift).
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>

/// The functions by address, in the types of the version that we are compiled against.
typedef __typeof__(&upnpDiscover) vc_upnp_discover;
typedef __typeof__(&freeUPNPDevlist) vc_upnp_free_devices;
typedef __typeof__(&UPNP_GetValidIGD) vc_upnp_get_valid_igd;
typedef __typeof__(&FreeUPNPUrls) vc_upnp_free_urls;
typedef __typeof__(&UPNP_GetExternalIPAddress) vc_upnp_external_address;
typedef __typeof__(&UPNP_AddPortMapping) vc_upnp_add_mapping;
typedef __typeof__(&UPNP_DeletePortMapping) vc_upnp_delete_mapping;

/// UPNP_GetValidIGD, which takes an address more since version 18.
static inline int vc_upnp_valid_igd(
    vc_upnp_get_valid_igd function, struct UPNPDev *devices, struct UPNPUrls *urls,
    struct IGDdatas *data, char *local, int local_size) {
#if MINIUPNPC_API_VERSION >= 18
    return function(devices, urls, data, local, local_size, 0, 0);
#else
    return function(devices, urls, data, local, local_size);
#endif
}
