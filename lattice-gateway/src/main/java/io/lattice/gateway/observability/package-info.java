/// What a node tells about itself: metrics in Prometheus' text form, the status view, slow requests and the audit log. Calls are
/// counted on the event loops, by adders alone; everything else is read when somebody asks, on the telemetry port's
/// threads. Nothing here changes how a node works, and nothing here knows consensus or the store: the composition root
/// hands in a [io.lattice.gateway.observability.NodeSnapshot] for each look.
@NullMarked
package io.lattice.gateway.observability;

import org.jspecify.annotations.NullMarked;
