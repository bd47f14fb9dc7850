/* SPDX-License-Identifier: MIT */
/*
 * Any text, as it stands in a page or a picture.
 */
#include "tour/tour.h"

void tour_escape(FILE *file, const char *text)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};

    for (; *text; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
            if (entities[i].character == *text)
                entity = entities[i].entity;
        if (entity)
            (void)fputs(entity, file);
        else
            (void)fputc(*text, file);
    }
}
