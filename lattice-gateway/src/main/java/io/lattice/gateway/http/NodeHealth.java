package io.lattice.gateway.http;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// What the endpoints ask the node. Called on event loops: answers at once or later, and never blocks.
public interface NodeHealth {
    /// Whether the group has a leader, as far as this node knows.
    boolean hasLeader();

    /// Names of the alarms that are raised, as etcd's AlarmType has them.
    List<String> alarms();

    /// Reads from the store as a client would.
    ///
    /// @param linearizable whether the leader has to confirm it
    /// @param result given null if it succeeded, else what a client would be told; once, on any thread
    void read(boolean linearizable, Consumer<@Nullable String> result);

    /// The body of /readyz without what reading finds out.
    Readiness readiness();

    /// Versions by the names that etcd's /version has for them.
    Map<String, String> versions();

    /// Whether and why a node can serve.
    ///
    /// @param cpCacheFresh the manifest is fresh enough for linearizable operations
    /// @param routingEpochValid the manifest has a routing epoch
    /// @param leaderElected the group has a leader
    /// @param adaptersReady the node takes requests, so isn't stopping
    /// @param manifestDigest "sha256:" and hexadecimal digits
    /// @param routingEpoch of the default tenant
    /// @param cacheAgeSeconds since the control plane confirmed the manifest
    record Readiness(
            boolean cpCacheFresh,
            boolean routingEpochValid,
            boolean leaderElected,
            boolean adaptersReady,
            String manifestDigest,
            long routingEpoch,
            long cacheAgeSeconds) {}
}
