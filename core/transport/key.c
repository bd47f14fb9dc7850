/* SPDX-License-Identifier: MIT */
/*
 * How System V objects are named.
 */
#include "transport/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static int refuse_key(const char *of)
{
    return failure(-EINVAL,
                   "a key is a number (4711, 0x1267), PATH,ID as ftok(3) makes "
                   "one, private, or #ID of %s",
                   of);
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    bool is_hex = strncmp(text, "0x", 2) == 0;
    errno = 0;
    long long number = strtoll(text, &end, is_hex ? 16 : 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    *out = number;
    return is_number && number >= least && number <= most;
}

int key_read(const struct address *address, const char *of, struct key *out)
{
    const char *text = address_rest(address);
    const char *comma = strrchr(text, ',');
    *out = (struct key){.sort = KEY_NUMBER};
    if (strlen(text) != address_rest_size(address))
        return refuse_key(of);
    if (strcmp(text, "private") == 0) {
        out->sort = KEY_PRIVATE;
        return 0;
    }
    if (text[0] == '#') {
        out->sort = KEY_OBJECT;
        return read_number(text + 1, 0, INT32_MAX, &out->number) ? 0 : refuse_key(of);
    }
    if (comma && comma > text) {
        out->sort = KEY_FILE;
        out->path = text;
        out->path_size = (size_t)(comma - text);
        // ftok(3) uses eight bits, and none of them is not allowed.
        return read_number(comma + 1, 1, 255, &out->number) ? 0 : refuse_key(of);
    }
    // A key of 0 would be a private one.
    return read_number(text, 1, UINT32_MAX, &out->number) ? 0 : refuse_key(of);
}

int key_number(const struct key *key, int64_t *out)
{
    if (key->sort != KEY_FILE) {
        *out = key->number;
        return 0;
    }
    char *path = strndup(key->path, key->path_size);
    if (!path)
        return -ENOMEM;
    int r = os_key_of_file(path, (int)key->number, out);
    if (r == -ENOENT)
        r = failure(-ENOENT, "there is no file %s to make a key of", path);
    free(path);
    return r;
}

int key_find(const struct key *key, int (*find)(int64_t key))
{
    int64_t number;
    if (key->sort == KEY_PRIVATE)
        return -ENOENT;
    if (key->sort == KEY_OBJECT)
        return (int)key->number;
    int r = key_number(key, &number);
    return r < 0 ? r : find(number);
}
