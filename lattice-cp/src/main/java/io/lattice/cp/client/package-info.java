/// Talks to the etcd-compatible cluster that holds the manifests: reads the prefix, watches it, puts and deletes. Calls block
/// the thread that makes them, each within a deadline. Knows nothing of what the documents say.
@NullMarked
package io.lattice.cp.client;

import org.jspecify.annotations.NullMarked;
