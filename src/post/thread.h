/* thread.h - gives a lane a thread of its own (log, store); cores have a loop instead. */
#ifndef POST_THREAD_H
#define POST_THREAD_H

#include "post/post.h"

struct lane_thread;

/* Runs lane_run_once() whenever it is woken or due. */
struct lane_thread *lane_thread_start(struct lane *lane);

/* Asks the thread to end after the mail it has, and waits for it.  Lanes that still run may go on
 * posting to the stopped one; what keeps that safe is freed by lane_fini(), when all have stopped. */
void lane_thread_stop(struct lane_thread *t);

#endif
