/* net.c - see net.h. */
#include "base/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

/* Without brackets, NUL behind it; "": too long. */
static void copy_address(struct slice host, char out[INET6_ADDRSTRLEN])
{
    if (slice_starts(host, SLICE_LIT("[")) && slice_ends(host, SLICE_LIT("]")))
        host = slice_of(host.ptr + 1, host.len - 2);
    snprintf(out, INET6_ADDRSTRLEN, "%.*s",
             SLICE_ARG(slice_head(host, host.len < INET6_ADDRSTRLEN ? host.len : 0)));
}

bool net_is_loopback(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    copy_address(host, text);
    if (slice_is_nocase(slice_str(text), "localhost")) return true;
    if (inet_pton(AF_INET, text, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

size_t net_host_end(struct slice authority)
{
    if (!slice_starts(authority, SLICE_LIT("["))) return slice_find(authority, ':');
    size_t bracket = slice_find(authority, ']');
    return bracket + (bracket < authority.len);
}

void net_split(struct slice authority, struct slice *host, struct slice *port)
{
    bool bare = slice_find(authority, ':') != slice_rfind(authority, ':') &&
                !slice_starts(authority, SLICE_LIT("["));
    size_t end = bare ? authority.len : net_host_end(authority);
    *host = slice_head(authority, end);
    *port = slice_from(authority, end < authority.len ? end + 1 : end);
    if (slice_starts(*host, SLICE_LIT("[")) && slice_ends(*host, SLICE_LIT("]")))
        *host = slice_of(host->ptr + 1, host->len - 2);
}

unsigned net_port(struct slice digits)
{
    uint64_t port;
    return num_u64(digits, &port) == OK && port <= UINT16_MAX ? (unsigned)port : 0;
}

bool net_authority_valid(struct slice authority)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;
    size_t end = net_host_end(authority);
    struct slice host = slice_head(authority, end), rest = slice_from(authority, end);
    copy_address(host, text);
    if (slice_starts(host, SLICE_LIT("[")) && inet_pton(AF_INET6, text, &six) != 1) return false;
    return host.len && (rest.len == 0 || (rest.ptr[0] == ':' && net_port(slice_from(rest, 1))));
}

void net_network(struct slice peer, uint8_t out[NET_NETWORK_LEN])
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    memset(out, 0, NET_NETWORK_LEN);
    copy_address(slice_head(peer, net_host_end(peer)), text);
    if (inet_pton(AF_INET6, text, &six) == 1) {
        memcpy(out, &six, NET_NETWORK_LEN);
        if (out[0] == 0) out[0] = 6; /* ::1 */
    } else if (inet_pton(AF_INET, text, &four) == 1) {
        out[0] = 4;
        memcpy(out + NET_NETWORK_LEN - sizeof four, &four, sizeof four);
    }
}
