/* SPDX-License-Identifier: MIT */
/*
 * Messages in order: the queue of a sender, what a receiver has passed over.
 *
 * Words (a sync that waits behind held messages) stand in the order too, but are not
 * counted.
 */
#include "channel/channel.h"

static void add_sums(struct message_list *list, const wherry_message *message)
{
    if (message->word != FRAME_MESSAGE)
        return;
    list->count++;
    list->bytes += message->size;
    list->files += message->file_count;
}

void list_append(struct message_list *list, wherry_message *message)
{
    message->next = NULL;
    if (list->last)
        list->last->next = message;
    else
        list->first = message;
    list->last = message;
    add_sums(list, message);
}

void list_prepend(struct message_list *list, wherry_message *message)
{
    message->next = list->first;
    list->first = message;
    if (!list->last)
        list->last = message;
    add_sums(list, message);
}

wherry_message *list_take(struct message_list *list, wherry_message *before)
{
    wherry_message *message = before ? before->next : list->first;
    if (before)
        before->next = message->next;
    else
        list->first = message->next;
    if (list->last == message)
        list->last = before;
    message->next = NULL;
    if (message->word == FRAME_MESSAGE) {
        list->count--;
        list->bytes -= message->size;
        list->files -= message->file_count;
    }
    return message;
}

void list_free(struct message_list *list)
{
    while (list->first)
        wherry_message_free(list_take(list, NULL));
}
