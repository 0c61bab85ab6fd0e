/* dev.h - what `azimuth dev` adds to `azimuth serve`: sample devices that send, their connection
 * strings, the next commands to type, and the events as they arrive.
 *
 * It uses the program's own command line as a user would, in child processes that end with it.
 *
 * Runs on: the main thread, after the ready line.
 */
#ifndef SERVER_DEV_H
#define SERVER_DEV_H

struct ports;

void dev_start(const char *data, const struct ports *ports); /* the server's directory and ports */
void dev_stop(void);

#endif
