/* SPDX-License-Identifier: MIT */
/*
 * Names of sockets: unix(7) paths and abstract names, ip(7) and ipv6(7) numbers, and
 * the text that addresses write for them.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/base.h"

_Static_assert(sizeof(struct sockaddr_storage) <= sizeof((struct os_name *)0)->bytes,
               "a name holds any socket address");

enum { HOST_TEXT = 256, PORT_TEXT = 32 };

int os_name_unix(const char *path, size_t size, bool abstract, struct os_name *out)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t most = sizeof(name.sun_path) - 1;
    if (size == 0)
        return failure(-EINVAL, "a unix socket needs a path or a name");
    if (size > most)
        return failure(
            -ENAMETOOLONG,
            "a unix socket's name has at most %zu bytes, this one has %zu: use "
            "a shorter one, or a path relative to the current directory",
            most, size);
    if (!abstract && memchr(path, 0, size))
        return failure(-EINVAL, "a path has no byte of value 0");
    memcpy(name.sun_path + (abstract ? 1 : 0), path, size);
    // An abstract name is as long as it is; a path ends with its NUL (unix(7)).
    *out = (struct os_name){
        .size = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + size + 1)};
    memcpy(out->bytes, &name, sizeof(name));
    return 0;
}

void os_name_unix_any(struct os_name *out)
{
    const sa_family_t family = AF_UNIX;
    *out = (struct os_name){.size = sizeof(family)};
    memcpy(out->bytes, &family, sizeof(family));
}

// Splits "host:port" or "[v6]:port" at its last colon.
static int split(const char *text, char host[HOST_TEXT], char port[PORT_TEXT])
{
    const char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return failure(-EINVAL, "\"%s\" has no port: write HOST:PORT or [V6]:PORT",
                       text);
    size_t size = (size_t)(colon - text);
    bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    if (!bracketed && memchr(text, ':', size))
        return failure(-EINVAL, "\"%s\": an IPv6 host stands in brackets, [V6]:PORT",
                       text);
    size_t skip = bracketed ? 1 : 0;
    if (size - 2 * skip >= HOST_TEXT || strlen(colon + 1) >= PORT_TEXT)
        return failure(-ENAMETOOLONG, "a host has at most %d bytes, a port %d",
                       HOST_TEXT - 1, PORT_TEXT - 1);
    memcpy(host, text + skip, size - 2 * skip);
    host[size - 2 * skip] = 0;
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return 0;
}

static int check_port(const char *text, const char *port)
{
    char *end;
    long number = strtol(port, &end, 10);
    bool is_number = port[0] >= '0' && port[0] <= '9' && *end == 0;
    if (!is_number || number < 0 || number > 65535)
        return failure(-EINVAL, "\"%s\": a port is a number from 0 to 65535", text);
    return 0;
}

int os_host_port(const char *text)
{
    char host[HOST_TEXT];
    char port[PORT_TEXT];
    int r = split(text, host, port);
    return r < 0 ? r : check_port(text, port);
}

static int look_up_error(const char *host, int error)
{
    if (error == EAI_AGAIN)
        return failure(-EAGAIN,
                       "host \"%s\" cannot be looked up now (%s): try again later, or "
                       "write its number",
                       host, gai_strerror(error));
    if (error == EAI_MEMORY)
        return failure_plain(-ENOMEM, host);
    return failure(
        -ENOENT,
        "host \"%s\" is not known (%s): check its spelling, or write its number", host,
        gai_strerror(error));
}

int os_look_up(const char *host_port, bool numeric, bool passive, struct os_name *out,
               size_t most)
{
    char host[HOST_TEXT];
    char port[PORT_TEXT];
    int r = split(host_port, host, port);
    if (r < 0 || (r = check_port(host_port, port)) < 0)
        return r;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    wanted.ai_flags |= (numeric ? AI_NUMERICHOST : 0) | (passive ? AI_PASSIVE : 0);
    struct addrinfo *found = NULL;
    bool any = host[0] == 0 || strcmp(host, "*") == 0;
    int error = getaddrinfo(any ? NULL : host, port, &wanted, &found);
    if (error == EAI_NONAME && numeric)
        return failure(-EINVAL,
                       "\"%s\" is not a numeric host, and numeric=yes refuses names",
                       host);
    if (error)
        return look_up_error(host, error);
    size_t count = 0;
    for (struct addrinfo *each = found; each && count < most; each = each->ai_next) {
        if (each->ai_addrlen > sizeof(out->bytes))
            continue;
        out[count] = (struct os_name){.size = (uint32_t)each->ai_addrlen};
        memcpy(out[count++].bytes, each->ai_addr, each->ai_addrlen);
    }
    freeaddrinfo(found);
    return count ? (int)count : look_up_error(host, EAI_NONAME);
}

static sa_family_t family_of(const struct os_name *name)
{
    sa_family_t family = AF_UNSPEC;
    if (name->size >= sizeof(family))
        memcpy(&family, name->bytes, sizeof(family));
    return family;
}

bool os_name_is_unix(const struct os_name *name)
{
    return family_of(name) == AF_UNIX;
}

bool os_name_same(const struct os_name *a, const struct os_name *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

// What %HH must stand for in an address, so that it can be used as it is printed.
static bool is_plain(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '%' && byte != '?';
}

static void print_unix(const struct os_name *name, char *out, size_t size)
{
    struct sockaddr_un unix_name = {0};
    memcpy(&unix_name, name->bytes,
           name->size < sizeof(unix_name) ? name->size : sizeof(unix_name));
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t left = name->size > start ? name->size - start : 0;
    if (left == 0)
        return;
    const char *bytes = unix_name.sun_path;
    bool abstract = bytes[0] == 0;
    left = abstract ? left - 1 : strnlen(bytes, left);
    size_t used = (size_t)snprintf(out, size, "unix:%s", abstract ? "@" : "");
    for (size_t i = 0; i < left && used + 4 < size; i++) {
        unsigned char byte = (unsigned char)bytes[i + (abstract ? 1 : 0)];
        used += (size_t)snprintf(out + used, size - used,
                                 is_plain(byte) ? "%c" : "%%%02X", byte);
    }
}

void os_name_print(const struct os_name *name, const char *scheme, char *out,
                   size_t size)
{
    out[0] = 0;
    if (family_of(name) == AF_UNIX) {
        print_unix(name, out, size);
        return;
    }
    char host[HOST_TEXT];
    char port[PORT_TEXT];
    struct sockaddr_storage number = {0};
    memcpy(&number, name->bytes, sizeof(number));
    if (getnameinfo((struct sockaddr *)&number, name->size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    bool brackets = strchr(host, ':') != NULL;
    snprintf(out, size, "%s:%s%s%s:%s", scheme, brackets ? "[" : "", host,
             brackets ? "]" : "", port);
}

static int hex(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int read_unix(const char *text, struct os_name *out)
{
    char path[sizeof(struct sockaddr_un)];
    bool abstract = text[0] == '@';
    size_t size = 0;
    for (text += abstract; *text; text++) {
        if (size == sizeof(path))
            break;
        int high = *text == '%' ? hex(text[1]) : -1;
        int low = high >= 0 ? hex(text[2]) : -1;
        path[size] = *text;
        if (low >= 0)
            path[size] = (char)(high * 16 + low);
        size++;
        text += low >= 0 ? 2 : 0;
    }
    return os_name_unix(path, size, abstract, out);
}

int os_name_read(const char *text, struct os_name *out)
{
    if (strncmp(text, "unix:", 5) == 0)
        return read_unix(text + 5, out);
    if (strncmp(text, "udp:", 4) == 0 || strncmp(text, "tcp:", 4) == 0) {
        int r = os_look_up(text + 4, true, false, out, 1);
        return r < 0 ? r : 0;
    }
    return failure(
        -EINVAL,
        "\"%s\" is no destination: write udp:HOST:PORT with numbers, unix:PATH or "
        "unix:@NAME",
        text);
}
