/* SPDX-License-Identifier: MIT */
/*
 * The table of framings, and what bytes of something else look like.
 *
 * A framing that meets bytes it cannot read asks framing_foreign() for the sentence, so
 * that two ends with different framings are told which, and how to agree.  The guess
 * never decides anything: it only words an error that stands already.
 */
#include "framing/framing.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/base.h"

const char framing_names[] = "wherry|raw|line|length|header";

static const struct framing *const framings[] = {
    &framing_wherry, &framing_raw, &framing_line, &framing_length, &framing_header,
};

enum { FRAMINGS = sizeof framings / sizeof framings[0] };

const struct framing *framing_at(size_t index)
{
    return index < FRAMINGS ? framings[index] : NULL;
}

const struct framing *framing_find(const char *name)
{
    for (size_t i = 0; i < FRAMINGS; i++)
        if (strcmp(framings[i]->info.name, name) == 0)
            return framings[i];
    return NULL;
}

const struct wherry_framing_info *wherry_framing_at(size_t index)
{
    return index < FRAMINGS ? &framings[index]->info : NULL;
}

int framing_plain_only(const char *name, const struct frame *frame)
{
    const char *what = frame->word != FRAME_MESSAGE ? "words of Wherry's own"
                       : frame->kind != 0           ? "kinds"
                       : frame->files != 0          ? "open files"
                                                    : NULL;
    if (!what)
        return 0;
    return failure(-ENOTSUP,
                   "the %s framing carries no %s; framing=wherry does, where both ends "
                   "speak it",
                   name, what);
}

// --- what it looks like ---

enum {
    LIKELY_SIZE = 1 << 24, // a length prefix above this is taken for something else
    LIKELY_VERSION = 8,
    SHOWN = 24 // bytes that an error text shows
};

struct likeness {
    const char *begins; // or, if NULL:
    bool (*fits)(const uint8_t *bytes, size_t size);
    const char *what;
    const char *framing; // what would read it; NULL: nothing here does
};

static bool fits_json(const uint8_t *bytes, size_t size)
{
    (void)size; // at least 1, as everywhere here
    return bytes[0] == '{' || bytes[0] == '[';
}

static bool fits_native_messaging(const uint8_t *bytes, size_t size)
{
    return size > 4 && framing_load32(bytes) <= LIKELY_SIZE &&
           fits_json(bytes + 4, size - 4);
}

static bool fits_wherry(const uint8_t *bytes, size_t size)
{
    return size >= 8 && framing_load32(bytes) <= LIKELY_SIZE && bytes[4] > 0 &&
           bytes[4] <= LIKELY_VERSION && bytes[7] == 0;
}

static bool fits_length(const uint8_t *bytes, size_t size)
{
    return size >= 4 && bytes[0] == 0 && (bytes[1] || bytes[2] || bytes[3]);
}

static bool fits_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && i < SHOWN; i++) {
        bool is_space = bytes[i] >= '\t' && bytes[i] <= '\r';
        if (!is_space && (bytes[i] < ' ' || bytes[i] == 0x7f || bytes[i] > 0xf4))
            return false;
    }
    return true;
}

static const struct likeness likenesses[] = {
    {"GET ", NULL, "an HTTP request", NULL},
    {"POST ", NULL, "an HTTP request", NULL},
    {"PUT ", NULL, "an HTTP request", NULL},
    {"HEAD ", NULL, "an HTTP request", NULL},
    {"DELETE ", NULL, "an HTTP request", NULL},
    {"OPTIONS ", NULL, "an HTTP request", NULL},
    {"CONNECT ", NULL, "an HTTP request", NULL},
    {"PRI * HTTP/2", NULL, "an HTTP/2 connection", NULL},
    {"HTTP/1.", NULL, "an HTTP answer", NULL},
    {"SSH-", NULL, "an SSH greeting", NULL},
    {"\x16\x03", NULL, "a TLS handshake", NULL},
    {"Content-", NULL, "a Content-Length header, as LSP and DAP have it", "header"},
    {"content-", NULL, "a Content-Length header, as LSP and DAP have it", "header"},
    {NULL, fits_json, "JSON", "line"},
    {NULL, fits_native_messaging, "a little-endian length and JSON, as browsers send",
     NULL},
    {NULL, fits_wherry, "a record of the wherry framing", "wherry"},
    {NULL, fits_length, "a big-endian length", "length"},
    {NULL, fits_text, "a line of text", "line"},
};

static bool begins_with(const uint8_t *bytes, size_t size, const char *start)
{
    for (size_t i = 0; start[i]; i++)
        if (i == size || bytes[i] != (uint8_t)start[i])
            return false;
    return true;
}

static const struct likeness *find_likeness(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof likenesses / sizeof likenesses[0]; i++) {
        const struct likeness *likeness = &likenesses[i];
        if (likeness->begins ? begins_with(bytes, size, likeness->begins)
                             : likeness->fits(bytes, size))
            return likeness;
    }
    return NULL;
}

/* The first bytes, those that are no plain ASCII as \xHH. */
static void show(const uint8_t *bytes, size_t size, char shown[4 * SHOWN + 1])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    for (size_t i = 0; i < size && i < SHOWN; i++) {
        if (bytes[i] >= ' ' && bytes[i] < 0x7f) {
            shown[used++] = (char)bytes[i];
            continue;
        }
        shown[used++] = '\\';
        shown[used++] = 'x';
        shown[used++] = digits[bytes[i] >> 4];
        shown[used++] = digits[bytes[i] & 15];
    }
    shown[used] = '\0';
}

int framing_foreign(const char *name, const uint8_t *bytes, size_t size)
{
    char shown[4 * SHOWN + 1];
    show(bytes, size, shown);
    const struct likeness *likeness = find_likeness(bytes, size);
    if (likeness && likeness->framing && strcmp(likeness->framing, name) == 0)
        return failure(-EPROTO, "a broken record of the %s framing: it begins \"%s\"",
                       name, shown);
    if (likeness && likeness->framing)
        return failure(-EPROTO,
                       "the peer does not speak the %s framing: what it sent begins "
                       "\"%s\", which looks like %s; framing=%s at this end would read "
                       "that",
                       name, shown, likeness->what, likeness->framing);
    return failure(
        -EPROTO,
        "the peer does not speak the %s framing: what it sent begins \"%s\", "
        "which looks like %s; both ends need the same framing=",
        name, shown, likeness ? likeness->what : "nothing that is known here");
}

int framing_too_large(const char *name, uint64_t size, uint64_t limit,
                      const uint8_t *bytes, size_t seen)
{
    const struct likeness *likeness = bytes ? find_likeness(bytes, seen) : NULL;
    bool is_other =
        likeness && (!likeness->framing || strcmp(likeness->framing, name) != 0);
    return failure(
        -EMSGSIZE,
        "a message of %" PRIu64 " bytes (framing %s) is more than the %" PRIu64
        " that are taken here; message= sets the limit%s%s",
        size, name, limit,
        is_other ? "; or the framings differ, for what was sent looks like " : "",
        is_other ? likeness->what : "");
}
