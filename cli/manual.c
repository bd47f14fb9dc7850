/* SPDX-License-Identifier: MIT */
/*
 * All of the help as one JSON object, for programs: man/pages.py makes the manual pages
 * of it.
 *
 * What stands here is what `--help` and `wherry help SCHEME` print, from the same
 * tables; nothing is told twice.  Numbers and flags are told in words, as there.
 */
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "settings.h"

/* --- JSON ---------------------------------------------------------------- */

// Whether something stands before, in the object or list that is open.
static bool follows;

static void separate(void)
{
    if (follows)
        printf(",\n");
    follows = true;
}

static void print_string(const char *text, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        const unsigned char letter = (unsigned char)text[i];
        if (letter == '"' || letter == '\\')
            printf("\\%c", letter);
        else if (letter < ' ')
            printf("\\u%04x", letter);
        else
            putchar(letter);
    }
    putchar('"');
}

static void print_name(const char *name)
{
    separate();
    if (!name) // in a list
        return;
    print_string(name, strlen(name));
    printf(": ");
}

static void print_text(const char *name, const char *text)
{
    print_name(name);
    print_string(text, strlen(text));
}

static void begin(const char *name, char bracket)
{
    print_name(name);
    putchar(bracket);
    follows = false;
}

static void end(char bracket)
{
    putchar(bracket);
    follows = true;
}

/* --- verbs --------------------------------------------------------------- */

static void print_verb(const struct command *command)
{
    const char *example = strstr(command->help, "Example:\n");
    size_t size = example ? (size_t)(example - command->help) : strlen(command->help);
    begin(NULL, '{');
    print_text("verb", command->name);
    print_text("arguments", command->arguments);
    print_text("summary", command->summary);
    print_name("text");
    print_string(command->help, size);
    print_text("example", example ? strchr(example, '\n') + 1 : "");
    begin("options", '[');
    const struct setting *const *setting = command->settings;
    for (; setting && *setting; setting++) {
        begin(NULL, '{');
        print_text("option", (*setting)->name);
        print_text("value", (*setting)->value ? (*setting)->value : "");
        print_text("help", (*setting)->help);
        end('}');
    }
    end(']');
    end('}');
}

/* --- addresses ----------------------------------------------------------- */

static void print_options(const char *name, const struct wherry_mechanism *mechanism,
                          bool shared)
{
    const struct wherry_option *option;
    begin(name, '[');
    for (size_t i = 0; (option = wherry_mechanism_option(mechanism, i)); i++) {
        char values[VALUES_MOST];
        if (mechanism_shares(option) != shared)
            continue;
        mechanism_values(option, values, sizeof(values));
        begin(NULL, '{');
        print_text("option", option->name);
        print_text("values", values);
        print_text("usually", option->standard ? option->standard : "");
        print_text("help", option->help);
        end('}');
    }
    end(']');
}

static void print_mechanism(const struct wherry_mechanism *mechanism)
{
    struct remark remarks[REMARKS_MOST];
    const char *lack;
    begin(NULL, '{');
    print_text("scheme", mechanism->scheme);
    print_text("usage", mechanism->usage);
    print_text("summary", mechanism->summary);
    begin("facts", '{');
    size_t count = mechanism_remarks(mechanism, remarks);
    for (size_t i = 0; i < count; i++)
        print_text(remarks[i].name, remarks[i].text);
    end('}');
    begin("lacks", '[');
    for (size_t i = 0; (lack = mechanism_lack(mechanism, i)); i++)
        print_text(NULL, lack);
    end(']');
    print_options("options", mechanism, false);
    end('}');
}

static void print_framing(const struct wherry_framing_info *framing)
{
    char carried[CARRIED_MOST];
    framing_carries(framing, carried, sizeof(carried));
    begin(NULL, '{');
    print_text("framing", framing->name);
    print_text("summary", framing->summary);
    print_text("carries", carried);
    end('}');
}

void help_manual(void)
{
    const struct wherry_mechanism *mechanism;
    const struct wherry_framing_info *framing;
    begin(NULL, '{');
    print_text("version", WHERRY_VERSION);
    begin("verbs", '[');
    for (size_t i = 0; commands[i]; i++)
        print_verb(commands[i]);
    end(']');
    begin("schemes", '[');
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++)
        print_mechanism(mechanism);
    end(']');
    print_options("channel", wherry_mechanism_at(0), true);
    begin("framings", '[');
    for (size_t i = 0; (framing = wherry_framing_at(i)); i++)
        print_framing(framing);
    end(']');
    end('}');
    putchar('\n');
}
