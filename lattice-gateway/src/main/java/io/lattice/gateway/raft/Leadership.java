package io.lattice.gateway.raft;

import io.lattice.statemachine.raft.OnDemandThread;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.ratis.protocol.RaftClientReply;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Gives this node's leadership away. Thread-safe.
///
/// A leader that merely steps down may win the next election itself, so it is handed to a named follower first: the
/// one with the longest log among those that answered lately.
///
/// Handing over runs on a thread of its own, `lattice-leadership`, since Ratis takes its lock for it, which a disk
/// that hangs may keep for long. One hand-over is under way at a time; further ones are dropped meanwhile.
final class Leadership implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Leadership.class);

    /// A follower that lacks more has to catch up before it can lead.
    private static final long LAG_ENTRIES_MAX = 1_000;

    /// So long a node that had to give up leadership isn't given another one for the sake of balance.
    private static final long RELIEF_NANOS = TimeUnit.MINUTES.toNanos(5);

    private final RatisCalls calls;
    private final RaftView view;
    private final Supplier<List<Follower>> followers;
    private final long answeredMsMax;
    private volatile @Nullable Long relievedNanos;
    private final AtomicBoolean underWay = new AtomicBoolean();
    private final ExecutorService thread = OnDemandThread.named("lattice-leadership");

    /// @param answeredMsMax a follower that hasn't answered for so long isn't asked to lead
    Leadership(
            RatisCalls calls,
            RaftView view,
            Supplier<List<Follower>> followers,
            long answeredMsMax) {
        this.calls = calls;
        this.view = view;
        this.followers = followers;
        this.answeredMsMax = answeredMsMax;
    }

    /// Hands over to the best follower or, if there is none or it isn't elected, steps down. Returns at once.
    void handOver(String reason) {
        if (!underWay.compareAndSet(false, true)) {
            return;
        }
        relievedNanos = System.nanoTime();
        LOG.warn("giving up leadership: {}", reason);
        thread.execute(this::handOver);
    }

    private void handOver() {
        CompletableFuture<Boolean> handed =
                successor().map(this::transfer).orElse(CompletableFuture.completedFuture(false));
        var _ =
                handed.exceptionally(e -> false)
                        .thenComposeAsync(
                                done ->
                                        done
                                                ? CompletableFuture.completedFuture(true)
                                                : request(null),
                                thread)
                        .whenComplete((done, e) -> underWay.set(false));
    }

    /// Hands over to the best follower if there is one, before this node stops. Nothing to wait for if it doesn't lead.
    ///
    /// @return whether somebody else leads now; never fails
    CompletableFuture<Boolean> leave() {
        if (!view.leads()) {
            return CompletableFuture.completedFuture(true);
        }
        return onThread(() -> successor().map(this::transfer));
    }

    /// Hands leadership to one node, unless a hand-over is under way.
    ///
    /// @return whether it leads now; never fails
    CompletableFuture<Boolean> moveTo(String raftId) {
        if (!underWay.compareAndSet(false, true)) {
            return CompletableFuture.completedFuture(false);
        }
        LOG.info("handing leadership to {}", raftId);
        return onThread(() -> Optional.of(transfer(raftId)))
                .whenComplete((done, e) -> underWay.set(false));
    }

    private CompletableFuture<Boolean> onThread(
            Supplier<Optional<CompletableFuture<Boolean>>> begin) {
        return CompletableFuture.supplyAsync(begin, thread)
                .thenCompose(begun -> begun.orElse(CompletableFuture.completedFuture(false)))
                .exceptionally(e -> {
                    LOG.debug("leadership was not handed over", e);
                    return false;
                });
    }

    private Stream<Follower> heard() {
        RaftView.Voters voters = view.voters();
        return followers.get().stream()
                .filter(f -> voters.contains(f.raftId()) && f.heardMs() <= answeredMsMax);
    }

    /// The voters that have all but the newest entries, this node included, by their Raft identities.
    Set<String> keepUp() {
        long committed = view.committedIndex();
        Set<String> current =
                heard().filter(f -> f.matchIndex() >= committed - LAG_ENTRIES_MAX)
                        .map(Follower::raftId)
                        .collect(Collectors.toCollection(HashSet::new));
        current.add(view.nodeId());
        return current;
    }

    /// How long a follower has been silent; 0 if nothing is known of it.
    long silentMs(String raftId) {
        return followers.get().stream()
                .filter(f -> f.raftId().equals(raftId))
                .mapToLong(Follower::heardMs)
                .max()
                .orElse(0);
    }

    /// Whether this node has lately given up leadership because it couldn't do its work.
    boolean wasRelieved() {
        Long at = relievedNanos;
        return at != null && System.nanoTime() - at < RELIEF_NANOS;
    }

    private Optional<String> successor() {
        return successor(_ -> true);
    }

    /// The voter with the longest log of those that are wanted and answered lately.
    Optional<String> successor(Predicate<String> wanted) {
        return heard().filter(f -> wanted.test(f.raftId()))
                .max(Comparator.comparingLong(Follower::matchIndex))
                .map(Follower::raftId);
    }

    /// Hands leadership to one node.
    ///
    /// @return whether it leads now; fails with the reason why it can't
    CompletableFuture<Boolean> transfer(String raftId) {
        return request(raftId);
    }

    private CompletableFuture<Boolean> request(@Nullable String newLeader) {
        try {
            return calls.transferLeadership(newLeader)
                    .whenComplete((reply, e) -> {
                        if (e != null || !reply.isSuccess()) {
                            LOG.warn("leadership was not transferred: {}", reply, e);
                        }
                    })
                    .thenApply(RaftClientReply::isSuccess);
        } catch (IOException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
