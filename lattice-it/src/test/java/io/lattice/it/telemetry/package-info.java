/// Telemetry of real nodes: metrics, alert rules and board, the status view.
@NullMarked
package io.lattice.it.telemetry;

import org.jspecify.annotations.NullMarked;
