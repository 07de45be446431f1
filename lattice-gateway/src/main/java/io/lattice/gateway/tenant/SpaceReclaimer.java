package io.lattice.gateway.tenant;

import io.lattice.gateway.admission.Route;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.mvcc.ReadView;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Gets back on this node's disk the space of what a tenant has deleted and compacted. RocksDB does it too, when it gets to
/// it.
///
/// Thread-safe.
public final class SpaceReclaimer {
    private final RaftNode node;
    private final Duration timeout;

    /// @param timeout how long the steps that wait for others may take
    public SpaceReclaimer(RaftNode node, Duration timeout) {
        this.node = node;
        this.timeout = timeout;
    }

    /// Waits until the tenant's last compaction is done, and has what it freed leave the disk.
    ///
    /// @param executor runs what may take long
    /// @return completes exceptionally if the node can't
    public CompletableFuture<Void> reclaim(Route route, Executor executor) {
        try {
            return reclaim(node.store(), route, executor);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Void> reclaim(StateStore store, Route route, Executor executor) {
        long revision;
        try (ReadView view = store.view()) {
            revision = view.compactRevision(route.keyspace());
        }
        return store.compacted(route.keyspace(), revision)
                .thenComposeAsync(_ -> freshView(route), executor)
                .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
                .thenRunAsync(
                        () -> {
                            store.flush();
                            store.reclaim(route.keyspace());
                        },
                        executor);
    }

    /// The newest view keeps what the compaction freed for as long as nothing is applied, so something is, which changes
    /// nothing.
    private CompletableFuture<Void> freshView(Route route) {
        CompletableFuture<Void> applied = new CompletableFuture<>();
        node.proposer()
                .propose(
                        route.command().setAlarm(AlarmRequest.getDefaultInstance()).build(),
                        new Proposer.Completion() {
                            @Override
                            public void done(Outcome outcome) {
                                applied.complete(null);
                            }

                            @Override
                            public void failed(ProposalFailure failure) {
                                applied.completeExceptionally(
                                        new TimeoutException(
                                                "nothing could be applied: " + failure));
                            }
                        });
        return applied;
    }
}
