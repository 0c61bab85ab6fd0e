/* tell.c - jobs on the stream: when they are made ("createJob"), run and end ("updateJob").
 *
 * The body is the JobResponse; the words are ours, as Azure documents the source but not its schema.
 */
#include "hub/event/event.h"
#include "hub/job/home.h"

struct event *tell_add(struct jobs *j, struct store_request *unit, const struct job_row *row,
                       const char *op)
{
    struct buf json = {0};
    if (!event_wanted(j->events, RECORD_JOB_LIFECYCLE)) return NULL;
    job_row_write(&json, row);
    struct event *ev = event_add(
        j->events, unit,
        &(struct event_draft){
            .source = RECORD_JOB_LIFECYCLE, .who = row->id, .op = op, .body = buf_slice(&json)});
    buf_free(&json);
    return ev;
}

void tell_outcome(struct jobs *j, struct event **event, enum err result)
{
    if (result == OK)
        event_stored(j->events, *event);
    else
        event_drop(*event);
    *event = NULL;
}

void jobs_set_events(struct jobs *j, struct events *events)
{
    j->events = events;
}
