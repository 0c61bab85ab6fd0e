/* list.h - an intrusive, circular, doubly linked list.
 *
 * `struct list` is both head and member.  A head is ready after list_init(); a member needs
 * list_init() only if list_linked() or list_remove() may be asked before it is first inserted.
 *
 * Runs on: one thread for a list and its members, or under the lock of whoever shares them.
 * Owns:    nothing: a member is removed before its struct goes.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <assert.h>
#include <stdbool.h>

#include "base/mem.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list *member)
{
    return member->next != member;
}

static inline void list_insert_before(struct list *at, struct list *member)
{
    member->prev = at->prev;
    member->next = at;
    at->prev->next = member;
    at->prev = member;
}

static inline void list_push(struct list *head, struct list *member) /* at the end */
{
    list_insert_before(head, member);
}

static inline void list_remove(struct list *member) /* harmless when not linked */
{
    member->prev->next = member->next;
    member->next->prev = member->prev;
    list_init(member);
}

/* Takes the first member, or NULL. */
static inline struct list *list_shift(struct list *head)
{
    struct list *first = head->next;
    if (first == head) return NULL;
    head->next = first->next;
    first->next->prev = head;
    list_init(first);
    return first;
}

/* Takes the first member of a list that is not empty. */
static inline struct list *list_take(struct list *head)
{
    struct list *first = list_shift(head);
    assert(first != NULL);
    return first;
}

/* Moves all members of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* The body may remove `it`. */
#define LIST_EACH(it, head)                                                                        \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif
