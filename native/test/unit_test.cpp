// Pieces of the inside on their own.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "harness.h"
#include "journal.h"
#include "process.h"
#include "queue.h"

using namespace test;

CASE("the queue keeps order between two threads, and refuses when full") {
  kareus::Queue<uint32_t, 8> queue;
  constexpr uint32_t kMany = 200000;
  std::thread writer([&] {
    for (uint32_t i = 0; i < kMany; i++) {
      while (!queue.push(i)) std::this_thread::yield();
    }
  });
  bool ordered = true;
  for (uint32_t next = 0; next < kMany;) {
    uint32_t item = 0;
    if (!queue.pop(item)) {
      std::this_thread::yield();
      continue;
    }
    ordered = ordered && item == next++;
  }
  writer.join();
  CHECK(ordered);
  for (uint32_t i = 0; i < 8; i++) CHECK(queue.push(i));
  CHECK(!queue.push(8));
  CHECK_EQUAL(queue.pushed(), size_t{kMany + 8});
}

CASE("processes: alive, waiting to be reaped, number used again") {
  CHECK(kareus::isAlive(kareus::self()));
  kareus::Process other = kareus::self();
  other.start_ticks++;
  CHECK(!kareus::isAlive(other));
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const kareus::Process mine = kareus::self();
    _exit(write(ends[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
  }
  kareus::Process process;
  CHECK_EQUAL(read(ends[0], &process, sizeof process), static_cast<ssize_t>(sizeof process));
  CHECK(waitUntil([&] { return !kareus::isAlive(process); }));
  CHECK_EQUAL(wait(child), 0);
  CHECK(!kareus::isAlive(process));
}

CASE("the journal gives back what was written, and tells what is torn") {
  const Machine machine;
  const std::string dir = kareus::openStateDir("");
  CHECK_EQUAL(dir, machine.stateDir());
  const kareus::Journal journal(dir, "GPU-../../x");
  CHECK(!journal.read());
  kareus::JournalEntry entry;
  entry.target.device = "GPU-../../x";
  entry.target.backend = KAREUS_BACKEND_ZEUSD;
  entry.target.zeusd_socket = "/a b/c.sock";
  entry.owner = {12, 34};
  entry.guard = {56, 78};
  entry.boot = kareus::bootId();
  journal.write(entry);
  CHECK_EQUAL(machine.journals().size(), 1U);  // inside the folder, whatever the name
  const auto seen = kareus::readJournals(dir);
  CHECK_EQUAL(seen.size(), 1U);
  CHECK_EQUAL(seen[0].gpu, entry.target.device);
  const auto read = seen[0].entry.value_or(kareus::JournalEntry{});
  CHECK_EQUAL(read.target.zeusd_socket, entry.target.zeusd_socket);
  CHECK(read.owner.pid == 12 && read.guard.start_ticks == 78 && read.boot == entry.boot);
  CHECK_EQUAL(truncate(machine.journals()[0].c_str(), 20), 0);
  CHECK(!kareus::readJournals(dir).at(0).entry);
  journal.remove();
  CHECK(machine.journals().empty());
}

CASE("the journal's folder stays the same where the process changes its own") {
  const Machine machine;
  CHECK(!kareus::findStateDir(""));
  const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK_EQUAL(chdir(machine.folder().c_str()), 0);
  CHECK_EQUAL(kareus::openStateDir("state"), machine.stateDir());
  CHECK_EQUAL(fchdir(here), 0);
  close(here);
  CHECK_EQUAL(kareus::findStateDir("").value_or(""), machine.stateDir());
}

int main(int count, char** words) { return runAll(count, words); }
