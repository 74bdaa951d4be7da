"""The kinds of routers, as packet filter rules.

How a router maps (which public port an inner address and port gets) and what it lets in (filters)
are two things (RFC 4787): EIM maps equally for all destinations, EDM for each one differently; EIF
lets everybody in at a mapped port, ADF those addresses that were sent to, APDF those addresses and
ports.

    O       no router: the host has a public address
    FC      full cone: EIM, EIF
    AR      address-restricted: EIM, ADF
    PR      port-restricted: EIM, APDF; what most homes have
    PRx     PR, and the router itself accepts packets on its outer side: a packet that comes before
            the inner host has sent makes Linux give that host another port
    PRm     PR with the outer port in a table, so that a mapping can be changed in mid-call
    PR+pm   PR with NAT-PMP (portmap.py)
    S       symmetric: EDM, APDF
    S+pm    S with NAT-PMP
    F6      IPv6 only, behind a firewall that lets in answers
    X       UDP does not pass
    XX      neither UDP nor TCP passes
    B4      PR that loses all IPv4
"""

KINDS = ["O", "FC", "AR", "PR", "PRx", "PRm", "PR+pm", "S", "S+pm", "F6", "X", "XX", "B4"]
# Of a mapping that the rules keep themselves: longer than any call here.
MAPPING_SECONDS = 300

# Of a machine that lets in answers only.
HOST_FIREWALL = """
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
}
"""


def has_port_mapping(kind):
    return kind.endswith("+pm")


def is_ipv6_only(kind):
    return kind == "F6"


def rules(kind, address, carrier=False):
    """The rules of a router with the interfaces `wan` and `lan` and the outer `address` (None
    without IPv4). A carrier's router never has port mapping of its own."""
    return _filter(kind) + (_nat(kind, address) if address else "")


def _filter(kind):
    accepts = "accept" if kind == "PRx" else "drop"
    blocked = {
        "X": "meta l4proto udp drop",
        "XX": "meta l4proto { tcp, udp } drop",
        "B4": "meta nfproto ipv4 drop",
    }.get(kind, "")
    return f"""
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "wan" ct state established,related accept
        iifname "wan" meta l4proto {{ icmp, ipv6-icmp }} accept
        iifname "wan" {accepts}
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        {blocked}
        ct state established,related accept
        iifname "lan" oifname "wan" accept
        meta l4proto ipv6-icmp accept
        ct status dnat accept
    }}
}}
"""


def _nat(kind, address):
    """Masquerading keeps the inner port where it can, for all destinations: EIM. Its `random`
    takes another port for each."""
    prerouting, postrouting, tables = [], [], ""
    if kind in ("FC", "AR"):
        tables = f"""
    map cone {{
        type inet_service : ipv4_addr . inet_service
        flags dynamic,timeout; timeout {MAPPING_SECONDS}s; size 65535
    }}
    set contacted {{
        type inet_service . ipv4_addr
        flags dynamic,timeout; timeout {MAPPING_SECONDS}s; size 65535
    }}"""
        filtered = "udp dport . ip saddr @contacted " if kind == "AR" else ""
        prerouting.append(f'iifname "wan" {filtered}dnat ip to udp dport map @cone')
        postrouting.append(
            'oifname "wan" meta l4proto udp update @cone { udp sport : ip saddr . udp sport } '
            f"update @contacted {{ udp sport . ip daddr }} snat to {address}")
    if kind == "PRm":
        tables = "\n    map outer { type inet_service : ipv4_addr . inet_service; }"
        postrouting.append('oifname "wan" snat ip to udp sport map @outer')
    if has_port_mapping(kind):
        tables = """
    map mapped_udp { type inet_service : ipv4_addr . inet_service; flags timeout; }
    map mapped_tcp { type inet_service : ipv4_addr . inet_service; flags timeout; }"""
        for protocol in ("udp", "tcp"):
            prerouting.append(
                f'iifname "wan" dnat ip to {protocol} dport map @mapped_{protocol}')
    is_symmetric = kind in ("S", "S+pm")
    postrouting.append(f'oifname "wan" masquerade{" fully-random" if is_symmetric else ""}')
    return f"""
table ip nat {{{tables}
    chain prerouting {{
        type nat hook prerouting priority dstnat;
        {chr(10).join(prerouting)}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        {chr(10).join(postrouting)}
    }}
}}
"""
