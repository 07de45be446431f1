/// The control plane's agent of a node: follows the manifests in the control plane, keeps the last good one in memory and on
/// disk, and knows how long ago it was confirmed. One thread reads; everybody may ask. Knows neither the gateway nor the store.
@NullMarked
package io.lattice.cp.agent;

import org.jspecify.annotations.NullMarked;
