/* SPDX-License-Identifier: MIT */
/*
 * The sentence behind a thread's last failure.
 *
 * Kept per thread, in place, so that a failure for want of memory can be told as well.
 * It is always one line of valid UTF-8 without control characters, whatever an address
 * or a peer contained: it may be printed to a terminal or put into JSON as it stands.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>

#include "base/base.h"

static const char cut_mark[] = "\xe2\x80\xa6"; // …

enum { ESCAPE_SIZE = sizeof "\\xHH" - 1 };

static _Thread_local char sentence[FAILURE_TEXT];

/* How many bytes at `at` may stand as they are: a run of plain ASCII, or one character
 * of UTF-8; 0 if it is a control character or no UTF-8. */
static size_t printable(const unsigned char *at)
{
    static const uint32_t least[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};
    size_t size = 0;
    while (at[size] >= ' ' && at[size] < 0x7f)
        size++;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return size;
    size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t code = at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    bool is_surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[size] || is_surrogate || code > 0x10ffff ? 0 : size;
}

static void escape(unsigned char byte, char out[ESCAPE_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
}

/* Makes `raw` the sentence; `is_cut` says that it was longer. */
static void keep(const char *raw, bool is_cut)
{
    const size_t room = sizeof sentence - sizeof cut_mark;
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)raw; *at;) {
        size_t size = printable(at);
        if (used + (size ? size : ESCAPE_SIZE) > room) {
            // Plain text may be cut anywhere, a character or an escape nowhere.
            size = size && *at < 0x80 ? room - used : 0;
            memcpy(sentence + used, at, size);
            used += size;
            is_cut = true;
            break;
        }
        if (size)
            memcpy(sentence + used, at, size);
        else
            escape(*at, sentence + used);
        used += size ? size : ESCAPE_SIZE;
        at += size ? size : 1;
    }
    memcpy(sentence + used, is_cut ? cut_mark : "", is_cut ? sizeof cut_mark : 1);
}

__attribute__((format(printf, 1, 0))) static void keep_all(const char *format,
                                                           va_list arguments)
{
    char raw[FAILURE_TEXT];
    int size = vsnprintf(raw, sizeof raw, format, arguments);
    keep(raw, size >= (int)sizeof raw);
}

int failure_keep(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep_all(format, arguments);
    va_end(arguments);
    return 0;
}

__attribute__((format(printf, 2, 3))) int wherry_error_set(int error,
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep_all(format, arguments);
    va_end(arguments);
    return error;
}

int failure_words(int error, const char *context)
{
    return failure_keep("%s: %s", context, error_words(error));
}

int failure_before(int error, const char *format, ...)
{
    char raw[2 * FAILURE_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, FAILURE_TEXT, format, arguments);
    va_end(arguments);
    size_t size = strlen(raw);
    snprintf(raw + size, sizeof raw - size, ": %s",
             sentence[0] ? sentence : error_words(error));
    keep(raw, false);
    return 0;
}

void failure_put_aside(struct failure_aside *aside)
{
    memcpy(aside->text, sentence, sizeof(aside->text));
}

void failure_bring_back(const struct failure_aside *aside)
{
    memcpy(sentence, aside->text, sizeof(sentence));
}

const char *wherry_error_text(void)
{
    return sentence;
}

static const char *const words[] = {
    [0] = "no error",
    [E2BIG] = "too many open files for one message",
    [EACCES] = "permission denied",
    [EADDRINUSE] = "address already in use",
    [EADDRNOTAVAIL] = "this machine does not have that address",
    [EAFNOSUPPORT] = "address family not supported",
    [EAGAIN] = "not ready now, try again",
    [EALREADY] = "already done",
    [EBADF] = "not an open file",
    [EBADMSG] = "bytes that the framing cannot carry",
    [EBUSY] = "busy",
    [ECANCELED] = "cancelled",
    [ECHILD] = "no such child, or not usable after fork",
    [ECONNABORTED] = "connection aborted",
    [ECONNREFUSED] = "connection refused: nobody listens there",
    [ECONNRESET] = "the peer died or closed without an orderly end",
    [EDESTADDRREQ] = "no destination given",
    [EDOM] = "number out of its domain",
    [EEXIST] = "exists already",
    [EFAULT] = "bad address in memory",
    [EFBIG] = "file too large",
    [EHOSTDOWN] = "host is down",
    [EHOSTUNREACH] = "no route to the host",
    [EILSEQ] = "invalid sequence of bytes",
    [EINPROGRESS] = "in progress",
    [EINTR] = "interrupted by a signal",
    [EINVAL] = "invalid argument",
    [EIO] = "input or output failed",
    [EISCONN] = "connected already",
    [EISDIR] = "is a directory",
    [ELOOP] = "too many symbolic links",
    [EMFILE] = "this process has too many open files",
    [EMLINK] = "too many links",
    [EMSGSIZE] = "message too large",
    [ENAMETOOLONG] = "name too long",
    [ENETDOWN] = "network is down",
    [ENETRESET] = "connection dropped by the network",
    [ENETUNREACH] = "network unreachable",
    [ENFILE] = "the system has too many open files",
    [ENOBUFS] = "no room in the buffers",
    [ENODATA] = "no data",
    [ENODEV] = "no such device",
    [ENOENT] = "no such file or name",
    [ENOEXEC] = "not a program",
    [ENOLCK] = "no locks left",
    [ENOMEM] = "out of memory",
    [ENOMSG] = "no message of that kind",
    [ENOPROTOOPT] = "no such socket option",
    [ENOSPC] = "no space left",
    [ENOSYS] = "this kernel does not have it",
    [ENOTCONN] = "not connected",
    [ENOTDIR] = "not a directory",
    [ENOTEMPTY] = "directory not empty",
    [ENOTRECOVERABLE] = "state not recoverable",
    [ENOTSOCK] = "not a socket",
    [ENOTSUP] = "not supported by this mechanism or framing",
    [ENOTTY] = "not a terminal",
    [ENXIO] = "no such device, or nobody at the other end",
    [EOVERFLOW] = "number too large",
    [EOWNERDEAD] = "the owner died",
    [EPERM] = "not permitted",
    [EPIPE] = "the peer is gone",
    [EPROTO] = "the peer speaks another protocol",
    [EPROTONOSUPPORT] = "protocol not supported",
    [EPROTOTYPE] = "a socket of another type",
    [ERANGE] = "number out of range",
    [EROFS] = "file system is read-only",
    [ESHUTDOWN] = "finished: nothing more can be sent",
    [ESPIPE] = "cannot be positioned",
    [ESRCH] = "no such process",
    [ESTALE] = "stale file handle",
    [ETIMEDOUT] = "the deadline passed",
    [EIDRM] = "the queue was removed",
    [ETOOMANYREFS] = "too many open files on their way, try later",
    [ETXTBSY] = "program file is busy",
    [EXDEV] = "on another file system",
};

const char *error_words(int error)
{
    static _Thread_local char unknown[sizeof "error -2147483648"];
    unsigned number = error < 0 ? 0u - (unsigned)error : (unsigned)error;
    if (number < sizeof words / sizeof words[0] && words[number])
        return words[number];
    snprintf(unknown, sizeof unknown, "error %u", number);
    return unknown;
}
