#include "journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "failure.h"

namespace kareus {
namespace {

constexpr const char* kFormat = "kareus-journal";
constexpr int kVersion = 2;
constexpr const char* kSuffix = ".journal";
constexpr const char* kHeldSuffix = ".held";

std::string fileNameOf(const std::string& uuid) {
  std::string name = uuid;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-') c = '_';
  }
  return name;
}

// FNV-1a: it finds damage, not forgery; the folder is its user's alone.
std::string sumOf(const std::string& text) {
  uint64_t sum = 0xcbf29ce484222325;
  for (const unsigned char c : text) sum = (sum ^ c) * 0x100000001b3;
  std::ostringstream words;
  words << std::hex << sum;
  return words.str();
}

std::string textOf(const JournalEntry& entry) {
  std::ostringstream text;
  text << kFormat << ' ' << kVersion << "\ndevice " << entry.target.device << "\nbackend "
       << entry.target.backend << "\nzeusd " << entry.target.zeusd_socket << "\nowner "
       << entry.owner.pid << ' ' << entry.owner.start_ticks << "\nguard " << entry.guard.pid << ' '
       << entry.guard.start_ticks << "\nboot " << entry.boot << "\n";
  return text.str() + "sum " + sumOf(text.str()) + "\n";
}

[[noreturn]] void refuse(const std::string& path, const char* why) {
  fail(KAREUS_BAD_JOURNAL, path + " " + why);
}

// The text without its sum, which must be right. Version 1 had none.
std::string checkedText(const std::string& path, const std::string& text) {
  std::istringstream words(text);
  std::string format;
  int version = 0;
  if (!(words >> format >> version) || format != kFormat) refuse(path, "is cut short or garbled");
  if (version > kVersion) refuse(path, "is of a later version");
  if (version == 1) return text;
  const size_t last = text.rfind("sum ");
  if (last == std::string::npos || text.substr(last) != "sum " + sumOf(text.substr(0, last)) + "\n") {
    refuse(path, "is cut short or garbled");
  }
  return text.substr(0, last);
}

// BAD_JOURNAL unless all of it is there.
JournalEntry parse(const std::string& path, const std::string& text) {
  std::istringstream lines(checkedText(path, text));
  std::string line;
  std::getline(lines, line);
  JournalEntry entry;
  entry.target.control = true;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "device") words >> entry.target.device;
    if (key == "backend") words >> entry.target.backend;
    if (key == "zeusd") std::getline(words >> std::ws, entry.target.zeusd_socket);
    if (key == "owner") words >> entry.owner.pid >> entry.owner.start_ticks;
    if (key == "guard") words >> entry.guard.pid >> entry.guard.start_ticks;
    if (key == "boot") words >> entry.boot;
  }
  constexpr size_t kBootIdLength = 36;
  const bool whole = !entry.target.device.empty() && entry.owner.pid > 0 &&
                     entry.boot.size() == kBootIdLength;
  if (!whole) refuse(path, "is cut short or garbled");
  return entry;
}

bool exists(const std::string& path) {
  struct stat found = {};
  return lstat(path.c_str(), &found) == 0;
}

std::string contentOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string chosenDir() {
  const char* chosen = std::getenv("KAREUS_STATE_DIR");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  return geteuid() == 0 ? "/run/kareus" : "/tmp/kareus-" + std::to_string(geteuid());
}

// Absolute: a job may change its folder while it runs. Where one is given the environment is not
// read: the job may change that too, in another thread.
std::string stateDir(const std::string& given) {
  std::error_code ignored;
  return std::filesystem::absolute(given.empty() ? chosenDir() : given, ignored).string();
}

}  // namespace

std::optional<std::string> findStateDir(const std::string& given) {
  const std::string dir = stateDir(given);
  struct stat found = {};
  if (lstat(dir.c_str(), &found) != 0) return std::nullopt;
  // In a shared folder somebody else could have made it, or put a link there.
  const bool ours = S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
                    (found.st_mode & 0022) == 0;
  if (!ours) fail(KAREUS_NO_STATE_DIR, dir + " is not a folder of this user alone");
  return dir;
}

std::string openStateDir(const std::string& given) {
  const std::string wanted = stateDir(given);
  const bool made = mkdir(wanted.c_str(), 0700) == 0 || errno == EEXIST;
  const int reason = errno;
  const auto dir = made ? findStateDir(given) : std::nullopt;
  if (!dir) fail(KAREUS_NO_STATE_DIR, wanted + ": " + std::strerror(reason));
  return *dir;
}

Journal::Journal(std::string state_dir, const std::string& uuid)
    : state_dir_(std::move(state_dir)),
      path_(state_dir_ + "/" + fileNameOf(uuid) + kSuffix),
      held_path_(state_dir_ + "/" + fileNameOf(uuid) + kHeldSuffix),
      lock_path_(state_dir_ + "/" + fileNameOf(uuid) + ".lock") {}

// A record lock: forked children do not inherit it, so they do not hold it on.
std::optional<int> Journal::takeLock(pid_t& holder) const {
  const int fd = open(lock_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail(KAREUS_NO_STATE_DIR, lock_path_ + ": " + std::strerror(errno));
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  if (fcntl(fd, F_SETLK, &whole) == 0) return fd;
  whole.l_type = F_WRLCK;
  fcntl(fd, F_GETLK, &whole);
  holder = whole.l_pid;
  close(fd);
  return std::nullopt;
}

bool Journal::isLocked() const {
  const int fd = open(lock_path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock whole = {};
  whole.l_type = F_RDLCK;
  const bool locked = fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close(fd);
  return locked;
}

void Journal::write(const JournalEntry& entry) const {
  std::ofstream(held_path_, std::ios::app).close();
  const std::string draft = path_ + ".draft";
  std::ofstream file(draft, std::ios::trunc);
  file << textOf(entry);
  file.close();
  if (!file || std::rename(draft.c_str(), path_.c_str()) != 0 || !exists(held_path_)) {
    fail(KAREUS_NO_STATE_DIR, path_ + " cannot be written");
  }
}

std::optional<JournalEntry> Journal::read() const {
  if (exists(path_)) return parse(path_, contentOf(path_));
  if (exists(held_path_)) refuse(path_, "is lost");
  return std::nullopt;
}

void Journal::remove() const {
  unlink(path_.c_str());
  unlink(held_path_.c_str());
}

bool Journal::holdsFile(int lock_fd) const {
  struct stat held = {}, found = {};
  return fstat(lock_fd, &held) == 0 && lstat(lock_path_.c_str(), &found) == 0 &&
         held.st_ino == found.st_ino && held.st_dev == found.st_dev;
}

void Journal::keep(const JournalEntry& entry, int& lock_fd) const {
  openStateDir(state_dir_);
  if (!holdsFile(lock_fd)) {
    pid_t holder = 0;
    const auto taken = takeLock(holder);
    if (!taken) fail(KAREUS_IN_USE, "by process " + std::to_string(holder) + ", as the lock file was removed");
    close(lock_fd);
    lock_fd = *taken;
  }
  if (!exists(held_path_) || contentOf(path_) != textOf(entry)) write(entry);
  for (const std::string& path : {path_, held_path_, lock_path_}) {
    utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  }
}

std::vector<FoundJournal> readJournals(const std::string& state_dir) {
  std::set<std::string> gpus;
  DIR* dir = opendir(state_dir.c_str());
  if (dir == nullptr) return {};
  while (const dirent* found = readdir(dir)) {
    const std::string name = found->d_name;
    const size_t dot = name.rfind('.');
    const std::string suffix = dot == std::string::npos ? "" : name.substr(dot);
    if (suffix == kSuffix || suffix == kHeldSuffix) gpus.insert(name.substr(0, dot));
  }
  closedir(dir);
  std::vector<FoundJournal> journals;
  for (const std::string& gpu : gpus) {
    try {
      const auto entry = Journal(state_dir, gpu).read();
      if (entry) journals.push_back({entry->target.device, entry, ""});
    } catch (const Failure& failure) {
      journals.push_back({gpu, std::nullopt, failure.detail});
    }
  }
  return journals;
}

}  // namespace kareus
