package io.lattice.statemachine.apply;

import static io.lattice.statemachine.apply.Requests.command;
import static io.lattice.statemachine.apply.Requests.compact;
import static io.lattice.statemachine.apply.Requests.del;
import static io.lattice.statemachine.apply.Requests.delete;
import static io.lattice.statemachine.apply.Requests.nested;
import static io.lattice.statemachine.apply.Requests.op;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.range;
import static io.lattice.statemachine.apply.Requests.success;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmRequest.AlarmAction;
import io.lattice.proto.etcdserverpb.AlarmResponse;
import io.lattice.proto.etcdserverpb.AlarmType;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.statemachine.mvcc.ReadView;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AlarmTest {
    private static final int OTHER_KEYSPACE = 99;
    private static final AlarmMember NO_SPACE =
            AlarmMember.newBuilder().setMemberID(42).setAlarm(AlarmType.NOSPACE).build();

    @TempDir Path root;

    @Test
    void noSpaceRefusesWhatStoresMoreAndNothingElse() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(command(put("a", "1")));
            driver.apply(command(put("b", "1")));
            driver.apply(alarm(AlarmAction.ACTIVATE, AlarmType.NOSPACE));

            assertThat(driver.apply(command(put("a", "2")))).isEqualTo(refused(Refusal.NO_SPACE));
            assertThat(driver.apply(command(success(op(range("a")), op(put("a", "2"))))))
                    .isEqualTo(refused(Refusal.NO_SPACE));
            assertThat(driver.apply(command(success(nested(success(op(put("a", "2"))))))))
                    .isEqualTo(refused(Refusal.NO_SPACE));
            assertThat(driver.apply(grant())).isEqualTo(refused(Refusal.NO_SPACE));
            assertThat(driver.apply(command(delete("a", "")))).isInstanceOf(Outcome.Applied.class);
            assertThat(driver.apply(command(success(del("b", "")))))
                    .isInstanceOf(Outcome.Applied.class);
            assertThat(driver.apply(compact(4))).isInstanceOf(Outcome.Applied.class);
            assertThat(revision(driver, StoreDriver.KEYSPACE)).isEqualTo(5);
        }
    }

    @Test
    void corruptRefusesEveryWrite() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(command(put("a", "1")));
            driver.apply(alarm(AlarmAction.ACTIVATE, AlarmType.CORRUPT));

            assertThat(driver.apply(command(delete("a", "")))).isEqualTo(refused(Refusal.CORRUPT));
            assertThat(driver.apply(compact(2))).isEqualTo(refused(Refusal.CORRUPT));
            assertThat(revision(driver, StoreDriver.KEYSPACE)).isEqualTo(2);
        }
    }

    @Test
    void alarmIsOfItsTenantOnly() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(alarm(AlarmAction.ACTIVATE, AlarmType.NOSPACE));

            Command other =
                    Command.newBuilder().setKeyspace(OTHER_KEYSPACE).setPut(put("a", "1")).build();
            assertThat(driver.apply(other)).isInstanceOf(Outcome.Applied.class);
            assertThat(revision(driver, OTHER_KEYSPACE)).isEqualTo(2);
        }
    }

    @Test
    void alarmsAreListedRaisedOnceAndClearedAsInEtcd() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            assertThat(alarms(driver, AlarmAction.ACTIVATE, AlarmType.NONE)).isEmpty();
            assertThat(alarms(driver, AlarmAction.ACTIVATE, AlarmType.NOSPACE))
                    .containsExactly(NO_SPACE);
            assertThat(alarms(driver, AlarmAction.ACTIVATE, AlarmType.NOSPACE))
                    .containsExactly(NO_SPACE);
            assertThat(alarms(driver, AlarmAction.GET, AlarmType.NONE)).containsExactly(NO_SPACE);
            assertThat(alarms(driver, AlarmAction.GET, AlarmType.CORRUPT)).isEmpty();
            assertThat(alarms(driver, AlarmAction.DEACTIVATE, AlarmType.CORRUPT)).isEmpty();
            assertThat(alarms(driver, AlarmAction.DEACTIVATE, AlarmType.NOSPACE))
                    .containsExactly(NO_SPACE);
            assertThat(alarms(driver, AlarmAction.GET, AlarmType.NONE)).isEmpty();
            assertThat(driver.apply(command(put("a", "1")))).isInstanceOf(Outcome.Applied.class);
        }
    }

    @Test
    void alarmSurvivesRestartAndCrashAndSoDoesItsEnd() throws Exception {
        try (StoreDriver driver = StoreDriver.create(root)) {
            driver.apply(alarm(AlarmAction.ACTIVATE, AlarmType.NOSPACE));
            driver.restart();
            assertThat(driver.apply(command(put("a", "1")))).isEqualTo(refused(Refusal.NO_SPACE));

            driver.apply(alarm(AlarmAction.DEACTIVATE, AlarmType.NOSPACE));
            driver.crash();
            assertThat(driver.apply(command(put("a", "1")))).isInstanceOf(Outcome.Applied.class);
            driver.restart();
            assertThat(alarms(driver, AlarmAction.GET, AlarmType.NONE)).isEmpty();
        }
    }

    @Test
    void sizeOfAKeyspaceShrinksWhenWhatIsCompactedIsReclaimed() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            Random random = new Random(1);
            byte[] value = new byte[100_000];
            for (int i = 0; i < 40; i++) {
                random.nextBytes(value);
                driver.apply(
                        command(
                                PutRequest.newBuilder()
                                        .setKey(Requests.key("k" + i))
                                        .setValue(ByteString.copyFrom(value))
                                        .build()));
            }
            driver.store().flush();
            long full = driver.store().keyspaceBytes(StoreDriver.KEYSPACE, false);

            driver.apply(command(delete("k", "l")));
            driver.apply(compact(42));
            driver.store().compacted(StoreDriver.KEYSPACE, 42).join();
            // The view before the compaction keeps what it freed.
            driver.apply(alarm(AlarmAction.GET, AlarmType.NONE));
            driver.store().reclaim(StoreDriver.KEYSPACE);

            assertThat(full).isBetween(7_000_000L, 12_000_000L);
            assertThat(driver.store().keyspaceBytes(StoreDriver.KEYSPACE, false))
                    .isLessThan(full / 10);
            assertThat(driver.store().keyspaceBytes(OTHER_KEYSPACE, true)).isZero();
        }
    }

    private static Outcome refused(Refusal refusal) {
        return new Outcome.Refused(refusal);
    }

    private static Command alarm(AlarmAction action, AlarmType type) {
        return Command.newBuilder()
                .setKeyspace(StoreDriver.KEYSPACE)
                .setAlarm(
                        AlarmRequest.newBuilder()
                                .setAction(action)
                                .setMemberID(NO_SPACE.getMemberID())
                                .setAlarm(type))
                .build();
    }

    private static List<AlarmMember> alarms(
            StoreDriver driver, AlarmAction action, AlarmType type) {
        Outcome outcome = driver.apply(alarm(action, type));
        assertThat(outcome).isInstanceOf(Outcome.Applied.class);
        return ((AlarmResponse) ((Outcome.Applied) outcome).response()).getAlarmsList();
    }

    private static Command grant() {
        return Command.newBuilder()
                .setKeyspace(StoreDriver.KEYSPACE)
                .setLeaseGrant(LeaseGrantRequest.newBuilder().setID(1).setTTL(10))
                .build();
    }

    private static long revision(StoreDriver driver, int keyspace) {
        try (ReadView view = driver.store().view()) {
            return view.revision(keyspace);
        }
    }
}
