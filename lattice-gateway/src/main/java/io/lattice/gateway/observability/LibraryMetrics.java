package io.lattice.gateway.observability;

import com.codahale.metrics.MetricRegistry;

/// A dropwizard registry of a library.
///
/// @param component what it is of, such as `log_worker`
/// @param group the Raft group that it is of; empty for none
public record LibraryMetrics(String component, String group, MetricRegistry registry) {}
