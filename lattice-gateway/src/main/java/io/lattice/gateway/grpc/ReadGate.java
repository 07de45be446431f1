package io.lattice.gateway.grpc;

import io.grpc.StatusRuntimeException;
import io.lattice.cp.cache.CacheState;
import io.lattice.cp.manifest.ManifestSource;
import io.lattice.gateway.raft.ReadFence;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// LIN-BOUND: what claims to be linearizable is served only while the manifest is fresh enough, the group has a leader, and that
/// leader is confirmed. What doesn't claim it isn't asked of this gate.
///
/// Thread-safe. Without a control plane the manifest is always fresh, and asking costs nothing.
public final class ReadGate {
    private final ManifestSource manifests;
    private final ReadFence fence;
    private final Duration timeout;

    /// @param timeout how long a read may wait for consensus
    public ReadGate(ManifestSource manifests, ReadFence fence, Duration timeout) {
        this.manifests = manifests;
        this.fence = fence;
        this.timeout = timeout;
    }

    /// Runs one of the two, on any thread: `ready` once this node has applied everything that was acknowledged before. The
    /// manifest has to be fresh enough when the read comes and when it is served.
    public void await(Runnable ready, Consumer<StatusRuntimeException> refused) {
        StatusRuntimeException refusal = linearizable();
        if (refusal != null) {
            refused.accept(refusal);
            return;
        }
        fence.await(
                System.nanoTime() + timeout.toNanos(),
                () -> {
                    StatusRuntimeException late = linearizable();
                    if (late == null) {
                        ready.run();
                    } else {
                        refused.accept(late);
                    }
                },
                failure -> refused.accept(ErrorMapper.status(failure).asRuntimeException()));
    }

    /// As [#await], for what says who is in the cluster: that is served longer.
    void awaitMembership(Runnable ready, Consumer<StatusRuntimeException> refused) {
        StatusRuntimeException refusal = administration();
        if (refusal != null) {
            refused.accept(refusal);
            return;
        }
        fence.await(
                System.nanoTime() + timeout.toNanos(),
                ready,
                failure -> refused.accept(ErrorMapper.status(failure).asRuntimeException()));
    }

    /// What a client is told that wants a linearizable read, a compare, or a watch from now on; null if it may have it.
    @Nullable StatusRuntimeException linearizable() {
        CacheState state = manifests.state();
        return state.allowsLinearizable() ? null : ErrorMapper.outdated(state, manifests.age());
    }

    /// What a client is told that wants a lease, or to administer the cluster; null if it may.
    @Nullable StatusRuntimeException administration() {
        CacheState state = manifests.state();
        return state.allowsAdministration() ? null : ErrorMapper.outdated(state, manifests.age());
    }
}
