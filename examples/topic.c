/* SPDX-License-Identifier: MIT */
/*
 * A station that tells the weather to whoever listens.  It never waits for anybody: one
 * reader wants every report, another only the newest, and sleeps through most of them.
 */
#include <stdio.h>
#include <unistd.h>
#include <wherry.h>

enum { REPORTS = 1000 };

static int failed(void)
{
    return fprintf(stderr, "topic: %s\n", wherry_error_text()), 1;
}

static int report(wherry_listener *station, int64_t number)
{
    wherry_message *message;
    int r = wherry_message_copy(&number, sizeof(number), &message);
    if (r >= 0 && (r = wherry_publish(station, &message, WHERRY_POLL)) < 0)
        wherry_message_free(message);
    return r;
}

// How many reports it got, until there are no more; and how many it did not.
static void read_all(const char *who, wherry_channel *reader)
{
    wherry_message *message;
    unsigned long long got = 0;
    unsigned long long lost = 0;
    int r;
    for (; (r = wherry_recv(reader, &message, wherry_after(5000))) == 1; got++) {
        lost += wherry_message_lost(message);
        wherry_message_free(message);
    }
    printf("%s: %llu reports, %llu passed over, %s\n", who, got, lost,
           r == 0 ? "and the end" : wherry_error_text());
}

int main(void)
{
    char address[64];
    char newest[64];
    wherry_listener *station;
    wherry_channel *careful;
    wherry_channel *hasty;
    struct wherry_reader readers[2];
    snprintf(address, sizeof(address), "local:weather-%d?fan=broadcast", (int)getpid());
    snprintf(newest, sizeof(newest), "local:weather-%d?full=latest", (int)getpid());
    if (wherry_listen(address, &station) < 0 ||
        wherry_dial(address, wherry_after(5000), &careful) < 0 ||
        wherry_dial(newest, wherry_after(5000), &hasty) < 0)
        return failed();
    for (int64_t i = 0; i < REPORTS; i++)
        if (report(station, i) < 0)
            return failed();
    if (wherry_listener_readers(station, readers, 2) != 2)
        return failed();
    for (int i = 0; i < 2; i++)
        printf("full=%s: %llu not yet read\n", readers[i].full,
               (unsigned long long)readers[i].behind_messages);
    wherry_close_listener(station);
    read_all("careful", careful);
    read_all("hasty", hasty);
    wherry_close(careful);
    wherry_close(hasty);
    return 0;
}
