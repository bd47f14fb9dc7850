/* SPDX-License-Identifier: MIT */
/*
 * help: of the program, of a verb, of a mechanism.
 */
#include "help.h"

#include <string.h>

#include "say.h"
#include "settings.h"

enum { NAMES_MOST = 64 };

void help_verbs(FILE *stream)
{
    fputs("wherry lets processes talk: one address for every mechanism of the system.\n"
          "\n"
          "usage: wherry VERB [OPTION…] [WORD…]\n"
          "\n",
          stream);
    for (size_t i = 0; commands[i]; i++)
        fprintf(stream, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
    fputs("\n"
          "An address is SCHEME:REST?OPTION=VALUE&…, for example unix:pier or\n"
          "tcp:127.0.0.1:4567?nodelay=no; `wherry transports` lists the schemes.\n"
          "\n"
          "  wherry VERB --help      options and an example\n"
          "  wherry help SCHEME      a mechanism, its options and what it cannot do\n"
          "  wherry help channel     the options that every mechanism has\n"
          "  wherry help framing     how messages are cut out of bytes\n"
          "\n"
          "Exit status: 0 done, 1 failed, 2 asked for something that does not exist.\n",
          stream);
}

void help_command(const struct command *command)
{
    printf("usage: wherry %s %s\n\n%s\n\n", command->name, command->arguments,
           command->summary);
    if (command->settings) {
        settings_print(command->settings);
        putchar('\n');
    }
    // The heading of the example, wherever it stands, is shown as one.
    const char *example = strstr(command->help, "Example:\n");
    if (!example) {
        fputs(command->help, stdout);
        return;
    }
    fwrite(command->help, 1, (size_t)(example - command->help), stdout);
    say_heading("Example:");
    fputs(strchr(example, '\n') + 1, stdout);
}

static int unknown(const char *word)
{
    const char *names[NAMES_MOST] = {"channel", "framing"};
    size_t count = 2;
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; commands[i]; i++)
        names[count++] = commands[i]->name;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)) && count < NAMES_MOST - 1;
         i++)
        names[count++] = mechanism->scheme;
    const char *nearest = nearest_name(word, names);
    return say_usage(NULL, "there is neither a verb nor a scheme \"%s\"%s%s%s", word,
                     nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

static int help_word(const char *word)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, word) == 0)
            return help_command(commands[i]), DONE;
    char scheme[32];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(word, ":"), word);
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(scheme);
    if (mechanism)
        return help_mechanism(mechanism), DONE;
    if (strcmp(word, "channel") == 0)
        return help_channel(), DONE;
    if (strcmp(word, "framing") == 0 || strcmp(word, "framings") == 0)
        return help_framings(), DONE;
    return unknown(word);
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_help, argc, argv, 0, 1, &choices) != DONE)
        return USAGE;
    if (choices.json && choices.word_count > 0)
        return say_usage("help", "--json prints all there is: \"%s\" is one too many",
                         choices.words[0]);
    if (choices.json)
        return help_manual(), DONE;
    if (choices.word_count > 0)
        return help_word(choices.words[0]);
    help_verbs(stdout);
    return DONE;
}

static const char *put_json(struct choices *choices, const char *value)
{
    (void)value;
    choices->json = true;
    return NULL;
}

static const struct setting setting_json_all = {
    "json", NULL, "Prints all of the help there is as JSON, for programs.", put_json};

static const struct setting *const settings[] = {&setting_json_all, NULL};

const struct command command_help = {
    .name = "help",
    .arguments = "[--json] [VERB | SCHEME | channel | framing]",
    .summary = "Explains a verb, a mechanism, or what all of them share.",
    .settings = settings,
    .help = "Example:\n"
            "  wherry help fifo\n",
    .run = run,
};
