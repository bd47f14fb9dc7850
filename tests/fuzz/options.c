/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the value of an option, read from any text.
 *
 * The input's first byte chooses the option, the rest is the text.  Numbers are worked
 * out a second time by strtoll(3) and long double, and must agree.
 */
#include "fuzz.h"

#include <errno.h>
#include <strings.h>

#include "message/message.h"

enum { TEXT = 64 };

#define SECOND INT64_C(1000000000)

static const struct wherry_option options[] = {
    {"number", WHERRY_OPTION_NUMBER, "128", 1, 4096, NULL, "."},
    {"any", WHERRY_OPTION_NUMBER, NULL, INT64_MIN, INT64_MAX, NULL, "."},
    {"below", WHERRY_OPTION_NUMBER, "-1", -20, -1, NULL, "."},
    {"message", WHERRY_OPTION_SIZE, "16M", 1, INT64_C(1) << 30, NULL, "."},
    {"huge", WHERRY_OPTION_SIZE, NULL, 0, INT64_MAX, NULL, "."},
    {"handshake", WHERRY_OPTION_DURATION, "2s", SECOND / 1000, 60 * SECOND, NULL, "."},
    {"age", WHERRY_OPTION_DURATION, NULL, 0, INT64_MAX, NULL, "."},
    {"keep", WHERRY_OPTION_FLAG, "no", 0, 0, NULL, "."},
    {"full", WHERRY_OPTION_CHOICE, "block", 0, 0,
     "block|fail|drop-oldest|drop-newest|latest|disconnect", "."},
    {"one", WHERRY_OPTION_CHOICE, NULL, 0, 0, "one", "."},
    {"bind", WHERRY_OPTION_TEXT, NULL, 1, 20, NULL, "."},
    {"free", WHERRY_OPTION_TEXT, "", 0, INT64_MAX, NULL, "."},
};

enum { OPTIONS = sizeof options / sizeof options[0] };

static const struct {
    enum wherry_option_type type;
    const char *name;
    long double size;
} units[] = {
    {WHERRY_OPTION_NUMBER, "", 1},         {WHERRY_OPTION_SIZE, "", 1},
    {WHERRY_OPTION_SIZE, "k", 1024},       {WHERRY_OPTION_SIZE, "m", 1048576},
    {WHERRY_OPTION_SIZE, "g", 1073741824}, {WHERRY_OPTION_DURATION, "ns", 1},
    {WHERRY_OPTION_DURATION, "us", 1e3L},  {WHERRY_OPTION_DURATION, "ms", 1e6L},
    {WHERRY_OPTION_DURATION, "s", 1e9L},   {WHERRY_OPTION_DURATION, "min", 60e9L},
};

/* Whether `text` is a number of that type within the bounds, and which. */
static bool is_counted(const struct wherry_option *option, const char *text,
                       int64_t *out)
{
    char *end;
    if (text[text[0] == '-'] < '0' || text[text[0] == '-'] > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno == ERANGE)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].type != option->type || strcasecmp(units[i].name, end) != 0)
            continue;
        // 64 bits of mantissa: every product that fits into an int64_t is exact.
        long double product = (long double)number * units[i].size;
        if (product < (long double)option->least || product > (long double)option->most)
            return false;
        *out = (int64_t)product;
        return true;
    }
    *out = 0;
    return number == 0 && !*end && option->least <= 0 && option->most >= 0;
}

static void check_value(const struct wherry_option *option, const char *text,
                        int64_t value)
{
    char printed[TEXT];
    int64_t again = -1;
    if (option->type == WHERRY_OPTION_TEXT) {
        PROPERTY(value == 0 && (int64_t)strlen(text) >= option->least &&
                 (int64_t)strlen(text) <= option->most);
        return;
    }
    option_print(option, value, printed, sizeof printed);
    PROPERTY(option_read(option, printed, &again) == 0 && again == value);
    if (option->type == WHERRY_OPTION_CHOICE)
        PROPERTY(option_is(option, value, text) && strcmp(printed, text) == 0);
    if (option->type == WHERRY_OPTION_FLAG)
        PROPERTY(value == 0 || value == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    const struct wherry_option *option = &options[bytes[0] % OPTIONS];
    char *text = malloc(size);
    PROPERTY(text);
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = '\0';
    int64_t value = INT64_C(-1234567890123);
    int64_t expected = 0;
    int r = option_read(option, text, &value);
    PROPERTY(r == 0 || r == -EINVAL);
    if (option->type <= WHERRY_OPTION_DURATION) {
        PROPERTY(is_counted(option, text, &expected) == (r == 0));
        PROPERTY(r < 0 || value == expected);
    }
    if (r == 0) {
        check_value(option, text, value);
    } else {
        PROPERTY(value == INT64_C(-1234567890123));
        check_sentence();
    }
    free(text);
    return 0;
}
