/* SPDX-License-Identifier: MIT */
/*
 * With which values a System V set begins: initial=.
 */
#include "transport/semv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base.h"

// The next number of the list, -1: it is none; *text is behind it and its comma.
static int32_t next_value(const char **text)
{
    int32_t value = -1;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = (value < 0 ? 0 : value * 10) + (*at - '0');
        if (value > OS_SEMV_MOST)
            return -1;
    }
    if (*at != '\0' && (*at != ',' || at[1] == '\0'))
        return -1;
    *text = *at == ',' ? at + 1 : at;
    return value;
}

// How many values there are; `out` (may be NULL) has room for `most`.
static int read_values(const char *text, uint16_t *out, uint32_t most)
{
    int count = 0;
    do {
        int32_t value = next_value(&text);
        if (value < 0)
            return failure(-EINVAL,
                           "initial= is one number for all members, or one for each: "
                           "1,0,5; each is 0 to %d",
                           OS_SEMV_MOST);
        if (out && (uint32_t)count < most)
            out[count] = (uint16_t)value;
        count++;
    } while (*text);
    return count;
}

int semv_check_values(const struct address *address)
{
    const int64_t members = address_number(address, "members");
    int count = read_values(address_string(address, "initial"), NULL, 0);
    if (count <= 1 || members == 0 || count == members)
        return count;
    return failure(-EINVAL, "initial= has %d values, and members= says %lld", count,
                   (long long)members);
}

int semv_values(const struct address *address, uint16_t **out)
{
    const uint32_t members = (uint32_t)address_number(address, "members");
    uint16_t *values = calloc(members + 1, sizeof(*values));
    if (!values)
        return -ENOMEM;
    int count = read_values(address_string(address, "initial"), values, members);
    for (uint32_t i = 1; count == 1 && i < members; i++)
        values[i] = values[0];
    *out = values;
    return 0;
}
