/* Shift the clock that people read, for the processes that load this library.

   The shift in ns stands in the file that RT_NER_BENCH_CLOCK names, and may change at any time.
   Clocks that nobody can set, such as CLOCK_MONOTONIC, are left alone. Deadlines by the shifted
   clock are brought back to the real one, which the kernel waits for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* No computer has been up for so long: such a deadline is one of the clock that people read. */
#define LONGEST_UP_S 1000000000LL

static volatile int64_t none = 0;
static volatile int64_t *shift_ns = &none;

__attribute__((constructor)) static void open_shift(void) {
  const char *name = getenv("RT_NER_BENCH_CLOCK");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) shift_ns = mapped;
  close(file);
}

static struct timespec moved(struct timespec time, int64_t by_ns) {
  int64_t seconds = by_ns / SECOND, rest = time.tv_nsec + by_ns % SECOND;
  if (rest < 0) { rest += SECOND; seconds -= 1; }
  if (rest >= SECOND) { rest -= SECOND; seconds += 1; }
  time.tv_sec += seconds;
  time.tv_nsec = rest;
  return time;
}

static struct timespec real_deadline(const struct timespec *deadline) {
  int is_people_s = deadline->tv_sec > LONGEST_UP_S;
  return is_people_s ? moved(*deadline, -*shift_ns) : *deadline;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real ? real(clock, time) : (int)syscall(SYS_clock_gettime, clock, time);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    *time = moved(*time, *shift_ns);
  return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return failed;
}

time_t time(time_t *seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds) *seconds = now.tv_sec;
  return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!real) real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!real) real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  struct timespec until = real_deadline(deadline);
  return real(condition, mutex, &until);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict deadline) {
  static int (*real)(sem_t *, const struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "sem_timedwait");
  struct timespec until = real_deadline(deadline);
  return real(semaphore, &until);
}
