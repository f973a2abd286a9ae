// The guard at work.
#pragma once

namespace kareus {

// `words`: owner's number, its start, state folder, backend, GPU's UUID, zeusd's socket. Descriptor
// 3 leads to the owner. Returns in the owner's child at once, in the guard when it is done.
int watch(char** words);

}  // namespace kareus
