/* SPDX-License-Identifier: MIT */
/*
 * Received messages on stdout.
 *
 * What a peer sends does not reach a terminal as it is: control characters could do
 * there what they like, so they are shown as \xHH.
 */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "say.h"

enum { COPY_SIZE = 65536 };

static void print_sender(const struct wherry_peer *sender)
{
    static const char *const trusts[] = {
        [WHERRY_TRUST_NONE] = "unknown",
        [WHERRY_TRUST_CREATOR] = "creator",
        [WHERRY_TRUST_KERNEL] = "kernel",
    };

    if (sender->trust != WHERRY_TRUST_NONE)
        printf("pid=%" PRId64 " uid=%" PRId64 " (%s)", sender->pid, sender->uid,
               trusts[sender->trust]);
    if (sender->address[0])
        printf("%s%s", sender->trust != WHERRY_TRUST_NONE ? " " : "", sender->address);
    if (sender->trust == WHERRY_TRUST_NONE && !sender->address[0])
        printf("unknown");
    putchar('\t');
}

static bool is_terminal(void)
{
    static int known = -1;
    if (known < 0)
        known = isatty(STDOUT_FILENO);
    return known > 0;
}

static bool is_harmless(unsigned char byte)
{
    return byte == '\t' || byte == '\n' || (byte >= ' ' && byte != 0x7f);
}

static void print_shown(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        // 0x80 to 0x9f are controls as well, in UTF-8 behind 0xc2.
        bool is_c1 =
            bytes[i] >= 0x80 && bytes[i] <= 0x9f && i > 0 && bytes[i - 1] == 0xc2;
        bool leads_c1 = bytes[i] == 0xc2 && i + 1 < size && bytes[i + 1] >= 0x80 &&
                        bytes[i + 1] <= 0x9f;
        if (is_harmless(bytes[i]) && !is_c1 && !leads_c1)
            putchar(bytes[i]);
        else
            printf("\\x%02x", bytes[i]);
    }
}

static const char *type_of(mode_t mode)
{
    if (S_ISREG(mode))
        return "regular file";
    if (S_ISDIR(mode))
        return "directory";
    if (S_ISFIFO(mode))
        return "pipe or FIFO";
    if (S_ISSOCK(mode))
        return "socket";
    if (S_ISCHR(mode))
        return "character device";
    return S_ISBLK(mode) ? "block device" : "unnamed kernel object";
}

static void copy(int file)
{
    static char bytes[COPY_SIZE];
    ssize_t size;
    while (!interrupted() && (size = read(file, bytes, sizeof(bytes))) > 0)
        if (fwrite(bytes, 1, (size_t)size, stdout) < (size_t)size)
            return;
}

static void tell_files(const char *verb, const struct choices *choices,
                       const wherry_message *message)
{
    size_t count = wherry_message_files(message);
    for (size_t i = 0; i < count; i++) {
        int file = wherry_message_file(message, i);
        struct stat about;
        if (file < 0 || fstat(file, &about) < 0)
            continue;
        bool is_regular = S_ISREG(about.st_mode);
        if (is_regular)
            say_notice(verb, "open file %zu of %zu: %s of %lld bytes", i + 1, count,
                       type_of(about.st_mode), (long long)about.st_size);
        else
            say_notice(verb, "open file %zu of %zu: %s", i + 1, count,
                       type_of(about.st_mode));
        if (choices->raw && is_regular)
            copy(file);
    }
}

int output_message(const char *verb, const struct choices *choices,
                   const wherry_message *message)
{
    const void *bytes = wherry_message_data(message);
    size_t size = wherry_message_size(message);
    errno = 0;
    if (choices->show_sender)
        print_sender(wherry_message_sender(message));
    if (choices->show_kind)
        printf("%" PRId64 "\t", wherry_message_kind(message));
    if (!choices->raw && is_terminal())
        print_shown(bytes, size);
    else
        fwrite(bytes, 1, size, stdout);
    if (!choices->raw)
        putchar('\n');
    tell_files(verb, choices, message);
    return ferror(stdout) ? -(errno ? errno : EIO) : 0;
}

int output_flush(void)
{
    return fflush(stdout) == 0 ? 0 : -errno;
}

int output_failed(const char *verb, int error)
{
    if (error == -EPIPE)
        interrupt_note(SIGPIPE);
    else if (!interrupted())
        say_error(verb, "stdout: %s", say_errno(error));
    // It is said; main shall not say it again.
    clearerr(stdout);
    return FAILED;
}
