/* SPDX-License-Identifier: MIT */
/*
 * What was wrong: the first fault, in words.
 */
#include "tour/tour.h"

#include <stdarg.h>

bool tour_wrong(struct tour_fault *fault, const char *format, ...)
{
    if (fault->text[0])
        return false;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return false;
}

bool tour_refused(struct tour_fault *fault, const char *what)
{
    return tour_wrong(fault, "%s: %s", what, wherry_error_text());
}
