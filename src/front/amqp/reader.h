/* reader.h - answers that readers of partitions wait for.  Private to front/amqp. */
#ifndef FRONT_AMQP_READER_H
#define FRONT_AMQP_READER_H

struct amqp_service;

/* Once per core: messages from the log and from owners find their readers. */
void readers_attach(struct amqp_service *s);

#endif
