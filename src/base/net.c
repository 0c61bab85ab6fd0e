/* net.c - see net.h. */
#include "base/net.h"

#include <arpa/inet.h>
#include <stdio.h>

bool net_is_loopback(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    if (slice_starts(host, SLICE_LIT("[")) && slice_ends(host, SLICE_LIT("]")))
        host = slice_of(host.ptr + 1, host.len - 2);
    if (slice_is_nocase(host, "localhost")) return true;
    if (host.len >= sizeof text) return false;
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(host));
    if (inet_pton(AF_INET, text, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

size_t net_host_end(struct slice authority)
{
    if (!slice_starts(authority, SLICE_LIT("["))) return slice_find(authority, ':');
    size_t bracket = slice_find(authority, ']');
    return bracket + (bracket < authority.len);
}
