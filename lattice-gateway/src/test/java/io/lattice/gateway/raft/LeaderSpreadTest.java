package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/// Nodes that spread the leadership of their groups, with a clock of our own.
class LeaderSpreadTest {
    private static final long TURN = LeaderSpread.PAUSE_NANOS + LeaderSpread.PATIENCE_NANOS;

    private final Map<String, Node> nodes = new TreeMap<>();
    private final List<Group> groups = new ArrayList<>();

    private final class Node {
        private final LeaderSpread spread = new LeaderSpread(0, 0);
        private boolean answers = true;
        private boolean takes = true;
        private boolean keepsUp = true;

        List<Group> led(String name) {
            return groups.stream().filter(group -> group.leader.equals(name)).toList();
        }
    }

    private final class Group implements LeaderSpread.Led {
        private final List<String> voters;
        private String leader;
        private String joining = "";
        private int moves;

        Group(List<String> voters, String leader) {
            this.voters = voters;
            this.leader = leader;
        }

        @Override
        public Collection<String> candidates() {
            return voters.stream()
                    .filter(voter -> !voter.equals(leader) && !voter.equals(joining))
                    .filter(voter -> nodes.get(voter).keepsUp)
                    .toList();
        }

        @Override
        public void askLoad(String raftId, Consumer<OptionalInt> callback) {
            Node node = nodes.get(raftId);
            if (node.answers) {
                callback.accept(OptionalInt.of(node.led(raftId).size()));
            }
        }

        @Override
        public CompletableFuture<Boolean> moveTo(String raftId) {
            moves++;
            if (nodes.get(raftId).takes) {
                leader = raftId;
            }
            return CompletableFuture.completedFuture(leader.equals(raftId));
        }
    }

    private void nodes(String... names) {
        for (String name : names) {
            nodes.put(name, new Node());
        }
    }

    private void run(int turns) {
        for (int turn = 1; turn <= turns; turn++) {
            for (long at : new long[] {0, 1, LeaderSpread.PATIENCE_NANOS}) {
                long now = turn * TURN + at;
                nodes.forEach((name, node) -> node.spread.tick(now, node.led(name)));
            }
        }
    }

    private List<Integer> loads() {
        List<Integer> loads = new ArrayList<>();
        nodes.forEach((name, node) -> loads.add(node.led(name).size()));
        return loads;
    }

    private int moves() {
        return groups.stream().mapToInt(group -> group.moves).sum();
    }

    @Test
    void aNodeThatLeadsAllHandsOverUntilAllLeadAsMuch() {
        nodes("a", "b", "c");
        for (int i = 0; i < 7; i++) {
            groups.add(new Group(List.of("a", "b", "c"), "a"));
        }
        run(20);
        assertThat(loads()).containsExactlyInAnyOrder(3, 2, 2);
        assertThat(moves()).isEqualTo(4);
    }

    @Test
    void aDifferenceOfOneIsLeftAlone() {
        nodes("a", "b", "c");
        groups.add(new Group(List.of("a", "b", "c"), "a"));
        groups.add(new Group(List.of("a", "b", "c"), "a"));
        groups.add(new Group(List.of("a", "b", "c"), "b"));
        groups.add(new Group(List.of("a", "b"), "b"));
        run(20);
        // c takes one of a or, if they look at the same time, of both; then nothing is left to do.
        assertThat(moves()).isBetween(1, 2);
        assertThat(loads()).containsExactlyInAnyOrder(2, 1, 1);
    }

    @Test
    void whoWasAwayForAMomentGetsNothingForAWhile() {
        nodes("a", "b");
        groups.add(new Group(List.of("a", "b"), "a"));
        groups.add(new Group(List.of("a", "b"), "a"));
        Node a = nodes.get("a");
        long awayAt = LeaderSpread.STEADY_NANOS - LeaderSpread.PAUSE_NANOS;
        for (long at = 0; at < awayAt + LeaderSpread.STEADY_NANOS; at += LeaderSpread.LOOK_NANOS) {
            nodes.get("b").keepsUp = at != awayAt;
            a.spread.tick(at, a.led("a"));
        }
        assertThat(moves()).isZero();

        run(5);

        assertThat(loads()).containsExactly(1, 1);
    }

    @Test
    void whoHasJustJoinedAGroupGetsAnotherOne() {
        nodes("a", "b");
        Group joined = new Group(List.of("a", "b"), "a");
        Group other = new Group(List.of("a", "b"), "a");
        groups.add(joined);
        groups.add(other);
        joined.joining = "b";
        Node a = nodes.get("a");
        for (long at = 0; at < 2 * LeaderSpread.STEADY_NANOS; at += LeaderSpread.LOOK_NANOS) {
            if (at >= LeaderSpread.STEADY_NANOS - LeaderSpread.LOOK_NANOS) {
                joined.joining = "";
            }
            a.spread.tick(at, a.led("a"));
        }
        assertThat(joined.moves).isZero();
        assertThat(other.moves).isOne();
    }

    @Test
    void whoDoesNotAnswerGetsNothing() {
        nodes("a", "b", "c");
        nodes.get("b").answers = false;
        for (int i = 0; i < 4; i++) {
            groups.add(new Group(List.of("a", "b", "c"), "a"));
        }
        run(20);
        assertThat(loads()).containsExactly(2, 0, 2);
    }

    @Test
    void whatFailedIsNotTriedAgainAtOnce() {
        nodes("a", "b");
        nodes.get("b").takes = false;
        groups.add(new Group(List.of("a", "b"), "a"));
        groups.add(new Group(List.of("a", "b"), "a"));
        run(9);
        assertThat(moves()).isEqualTo(2);
        run(25);
        assertThat(moves()).isBetween(3, 8);
    }

    @Test
    void itComesToAnEndWhateverTheGroupsAre() {
        Random random = new Random(1);
        for (int round = 0; round < 50; round++) {
            nodes.clear();
            groups.clear();
            nodes("a", "b", "c", "d", "e");
            List<String> names = List.copyOf(nodes.keySet());
            for (int i = 0; i < 40; i++) {
                List<String> voters = new ArrayList<>(names);
                Collections.shuffle(voters, random);
                groups.add(new Group(voters.subList(0, 3), voters.getFirst()));
            }
            run(60);
            int settled = moves();
            nodes.replaceAll((name, node) -> new Node());
            run(20);
            assertThat(moves()).as("round " + round).isEqualTo(settled);
        }
    }
}
