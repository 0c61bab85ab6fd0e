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

/* The server's directory, the link to its console (empty: there is none), its ports. */
void dev_start(const char *data, const char *console, const struct ports *ports);
void dev_stop(void);

#endif
