/* machine.h - what the server (every --server-pid), this process and the whole machine have used; from /proc. */
#ifndef MQTTLOAD_MACHINE_H
#define MQTTLOAD_MACHINE_H

double server_cpu_s(void);
long server_rss_kb(void);

/* Kernel memory that grows with sockets: slab plus TCP buffer pages. */
long kernel_kb(void);

/* CPU seconds the whole machine has spent, and those stolen from it. */
double machine_cpu_s(double *stolen);

double self_cpu_s(void);

#endif
