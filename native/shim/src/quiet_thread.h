// A thread inside of somebody else's process: named, and without the process' signals.
#pragma once

#include <pthread.h>
#include <sys/prctl.h>

#include <csignal>
#include <thread>

namespace kareus {

template <typename Body>
std::thread startQuietly(const char* name, Body body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([name, body] {
    prctl(PR_SET_NAME, name);
    prctl(PR_SET_TIMERSLACK, 1000UL);  // ns; sleeps are short here
    body();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace kareus
