/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few threads that share one lock and sleep where there is nothing to do. Knows nothing of what
 * the work is.
 */
#ifndef KMA_STREAM_CREW_H
#define KMA_STREAM_CREW_H

#include <pthread.h>
#include <stdbool.h>

struct kma_crew {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned int asleep; /* threads in kma_crew_sleep() */
};

static inline void kma_crew_init(struct kma_crew *crew)
{
	*crew = (struct kma_crew){ 0 };
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->wake, NULL);
}

static inline void kma_crew_destroy(struct kma_crew *crew)
{
	pthread_cond_destroy(&crew->wake);
	pthread_mutex_destroy(&crew->lock);
}

static inline void kma_crew_lock(struct kma_crew *crew)
{
	pthread_mutex_lock(&crew->lock);
}

static inline void kma_crew_unlock(struct kma_crew *crew)
{
	pthread_mutex_unlock(&crew->lock);
}

/* The lock is held before and after. */
static inline void kma_crew_sleep(struct kma_crew *crew)
{
	crew->asleep++;
	pthread_cond_wait(&crew->wake, &crew->lock);
	crew->asleep--;
}

/* There is work for one more. The lock is held. */
static inline void kma_crew_wake_one(struct kma_crew *crew)
{
	if (crew->asleep)
		pthread_cond_signal(&crew->wake);
}

static inline void kma_crew_wake_all(struct kma_crew *crew)
{
	if (crew->asleep)
		pthread_cond_broadcast(&crew->wake);
}

#endif
