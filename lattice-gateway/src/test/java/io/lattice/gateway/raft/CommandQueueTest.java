package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.gateway.raft.CommandQueue.Pending;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.statemachine.apply.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class CommandQueueTest {
    private static final int CAPACITY = 1_600;
    private static final int FLOOD = 1;
    private static final int QUIET = 2;
    private static final int BATCH_BYTES = 1 << 20;

    private final CommandQueue queue = new CommandQueue(settings(Duration.ofMillis(8)));
    private final long now = System.nanoTime();
    private long nextNumber;

    @Test
    void aSingleTenantFillsBatchesInOrder() {
        addAll(FLOOD, 1_000, 100);

        List<Pending> taken = take();

        assertThat(taken).hasSize(1_000);
        assertThat(taken).extracting(Pending::deadlineNanos).isSorted();
        assertThat(queue.isEmpty()).isTrue();
    }

    @Test
    void aTenantsOnlyCommandIsInTheNextBatchHoweverManyAnotherHas() {
        addAll(FLOOD, 1_500, 100);
        addAll(QUIET, 1, 100);

        List<Pending> taken = take();

        assertThat(keyspaces(taken)).contains(QUIET);
        assertThat(taken).hasSizeLessThan(200);
        assertThat(keyspaces(take())).containsOnly(FLOOD).hasSize(128);
    }

    @Test
    void largeCommandsOfOneTenantDoNotKeepOutSmallOnesOfAnother() {
        addAll(FLOOD, 20, 200_000);
        addAll(QUIET, 10, 100);

        List<Pending> taken = take();

        assertThat(keyspaces(taken).stream().filter(k -> k == QUIET)).hasSize(10);
        assertThat(keyspaces(taken).stream().filter(k -> k == FLOOD)).hasSize(1);
    }

    @Test
    void whoFillsTheQueueIsRefusedAndOthersAreNot() {
        addAll(FLOOD, CAPACITY, 10);

        assertThat(queue.add(pending(FLOOD, 10), false, now)).isFalse();
        assertThat(queue.add(pending(QUIET, 10), false, now)).isTrue();
        assertThat(queue.size()).isEqualTo(CAPACITY + 1);
    }

    @Test
    void theClustersOwnCommandsGoFirst() {
        addAll(FLOOD, 500, 100);
        addAll(0, 1, 10);

        assertThat(keyspaces(take()).getFirst()).isZero();
    }

    @Test
    void whatIsPutBackGoesBeforeAllOthers() {
        addAll(FLOOD, 10, 100);
        addAll(QUIET, 10, 100);
        List<Pending> taken = take();
        addAll(QUIET, 5, 100);

        queue.putBack(taken);

        assertThat(take().subList(0, 20)).containsExactlyElementsOf(taken);
        assertThat(queue.isEmpty()).isTrue();
    }

    @Test
    void lateCommandsOfAllTenantsAreFound() {
        addAll(FLOOD, 3, 10);
        addAll(QUIET, 3, 10);

        List<Integer> late =
                queue.removeLate(4).stream().map(next -> next.command().getKeyspace()).toList();

        // Numbers 0 to 4 are late, 5 isn't.
        assertThat(late).containsExactlyInAnyOrder(FLOOD, FLOOD, FLOOD, QUIET, QUIET);
        assertThat(queue.size()).isEqualTo(1);
        assertThat(take()).hasSize(1);
    }

    @Test
    void earlyIsWhatComesWhileOthersOfItsTenantAreUnderWay() {
        addAll(FLOOD, 1, 10);
        take();

        addAll(FLOOD, 2, 10, true);
        addAll(QUIET, 3, 10, true);
        addAll(0, 4, 10, true);
        assertThat(queue.takeEarly()).isEqualTo(2);
        assertThat(queue.takeEarly()).isZero();

        take();
        addAll(FLOOD, 1, 10, false);
        addAll(QUIET, 1, 10, true);
        assertThat(queue.takeEarly()).isOne();
    }

    @Test
    void onlyTenantsWithAStreamWaitForMore() {
        makeStream(FLOOD);
        assertThat(queue.isHurried()).isFalse();
        addAll(FLOOD, 3, 10);
        addAll(0, 1, 10);
        assertThat(queue.isHurried()).isFalse();

        addAll(QUIET, 2, 10);

        assertThat(queue.isHurried()).isTrue();
        take();
        assertThat(queue.isHurried()).isFalse();
    }

    @Test
    void whatIsTooLateHurriesNobody() {
        addAll(QUIET, 2, 10);

        queue.removeLate(0);
        assertThat(queue.isHurried()).isTrue();
        queue.removeLate(1);
        assertThat(queue.isHurried()).isFalse();

        addAll(QUIET, 2, 10);
        queue.removeAll();
        assertThat(queue.isHurried()).isFalse();
    }

    @Test
    void whatIsPutBackHurries() {
        makeStream(FLOOD);
        addAll(FLOOD, 3, 10);
        List<Pending> taken = take();
        assertThat(queue.isHurried()).isFalse();

        queue.putBack(taken);

        assertThat(queue.isHurried()).isTrue();
        take();
        assertThat(queue.isHurried()).isFalse();
    }

    @Test
    void everythingHurriesWhereNothingMayWait() {
        CommandQueue hurried = new CommandQueue(settings(Duration.ZERO));

        assertThat(hurried.isHurried()).isTrue();
    }

    @Test
    void ofAStreamAllIsEarlyThatComesWhileAnythingIsUnderWay() {
        makeStream(FLOOD);
        queue.takeEarly();
        addAll(QUIET, 1, 10);
        take();

        addAll(FLOOD, 1, 10, true);
        addAll(FLOOD, 1, 10, false);

        assertThat(queue.takeEarly()).isOne();
    }

    private void makeStream(int keyspace) {
        addAll(keyspace, 1, 10);
        for (int i = 0; i < 5; i++) {
            take();
            addAll(keyspace, 1, 10, true);
        }
        take();
    }

    @Test
    void nothingIsLostOrReorderedWhateverHappens() {
        long seed = Long.getLong("queue.seed", System.nanoTime());
        System.out.println("CommandQueueTest: -Dqueue.seed=" + seed);
        Random random = new Random(seed);
        List<Pending> added = new ArrayList<>();
        List<Pending> left = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            switch (random.nextInt(4)) {
                case 0, 1 -> {
                    Pending next = pending(random.nextInt(5), 1 + random.nextInt(20_000));
                    if (queue.add(next, random.nextBoolean(), now)) {
                        added.add(next);
                    }
                }
                case 2 -> {
                    if (!queue.isEmpty()) {
                        List<Pending> taken = take();
                        assertThat(taken).isNotEmpty();
                        if (random.nextInt(10) == 0) {
                            queue.putBack(taken);
                        } else {
                            left.addAll(taken);
                        }
                    }
                }
                default -> left.addAll(queue.removeLate(nextNumber - 100));
            }
            assertThat(queue.size()).isEqualTo(added.size() - left.size());
        }
        while (!queue.isEmpty()) {
            left.addAll(take());
        }
        assertThat(queue.isHurried()).as("with nothing there").isFalse();
        addAll(7, 1, 10);
        assertThat(queue.isHurried()).as("with a new tenant").isTrue();
        addAll(0, 1, 10);
        queue.putBack(take());
        addAll(FLOOD, 3, 10);
        assertThat(queue.removeAll()).hasSize(5);

        assertThat(left).containsExactlyInAnyOrderElementsOf(added);
        assertThat(queue.isEmpty()).isTrue();
    }

    private void addAll(int keyspace, int count, int bytes) {
        addAll(keyspace, count, bytes, false);
    }

    private void addAll(int keyspace, int count, int bytes, boolean underWay) {
        for (int i = 0; i < count; i++) {
            assertThat(queue.add(pending(keyspace, bytes), underWay, now)).isTrue();
        }
    }

    /// Its deadline is its number.
    private Pending pending(int keyspace, int bytes) {
        Command command =
                Command.newBuilder()
                        .setKeyspace(keyspace)
                        .setPut(
                                PutRequest.newBuilder()
                                        .setValue(ByteString.copyFrom(new byte[bytes])))
                        .build();
        return new Pending(command, nextNumber++, new NobodyWaits());
    }

    private List<Pending> take() {
        return queue.takeInto(Proposal.newBuilder(), BATCH_BYTES);
    }

    private static List<Integer> keyspaces(List<Pending> pendings) {
        return pendings.stream().map(p -> p.command().getKeyspace()).toList();
    }

    private static RaftSettings settings(Duration batchWaitMax) {
        return new RaftSettings(
                "n1",
                new UUID(0, 1),
                true,
                "",
                1,
                Path.of("wal"),
                Path.of("data"),
                Duration.ofMillis(500),
                Duration.ofSeconds(1),
                8 << 20,
                1_000,
                Duration.ofSeconds(7),
                4_096,
                BATCH_BYTES,
                batchWaitMax,
                CAPACITY,
                64L << 20,
                null);
    }

    private static final class NobodyWaits implements Proposer.Completion {
        @Override
        public void done(Outcome outcome) {
            throw new AssertionError("the queue doesn't answer");
        }

        @Override
        public void failed(ProposalFailure failure) {
            throw new AssertionError("the queue doesn't answer");
        }
    }
}
