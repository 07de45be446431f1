package io.lattice.statemachine.apply;

import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmResponse;
import io.lattice.proto.etcdserverpb.AlarmType;
import io.lattice.statemachine.mvcc.EntryBatch;
import io.lattice.statemachine.mvcc.Keyspace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Raises and clears a tenant's alarms, and tells what they forbid. Alarms are replicated, so every replica refuses the same
/// commands. Apply thread only.
final class AlarmOperations {
    /// Clients may raise alarms in the name of any member.
    private static final int ALARMS_MAX = 64;

    private static final Comparator<AlarmMember> ORDER =
            Comparator.comparingInt(AlarmMember::getAlarmValue)
                    .thenComparing(AlarmMember::getMemberID, Long::compareUnsigned);

    private AlarmOperations() {}

    /// What a command is refused for while these alarms stand: as in etcd, NOSPACE forbids what stores more, CORRUPT
    /// everything that writes.
    static @Nullable Refusal refusal(List<AlarmMember> alarms, Command command) {
        if (alarms.isEmpty()) {
            return null;
        }
        if (stands(alarms, AlarmType.CORRUPT) && writes(command)) {
            return Refusal.CORRUPT;
        }
        return stands(alarms, AlarmType.NOSPACE) && stores(command) ? Refusal.NO_SPACE : null;
    }

    private static boolean stands(List<AlarmMember> alarms, AlarmType type) {
        return alarms.stream().anyMatch(alarm -> alarm.getAlarm() == type);
    }

    private static boolean stores(Command command) {
        return switch (command.getOperationCase()) {
            case PUT, LEASE_GRANT -> true;
            case TXN -> RequestChecks.hasPut(command.getTxn());
            case DELETE_RANGE,
                    COMPACT,
                    LEASE_REVOKE,
                    LEASE_RENEW,
                    ALARM,
                    PUBLISH_MEMBER,
                    LEASE_TICK,
                    OPERATION_NOT_SET ->
                    false;
        };
    }

    private static boolean writes(Command command) {
        return switch (command.getOperationCase()) {
            case PUT, DELETE_RANGE, TXN, COMPACT, LEASE_GRANT, LEASE_REVOKE -> true;
            case LEASE_RENEW, ALARM, PUBLISH_MEMBER, LEASE_TICK, OPERATION_NOT_SET -> false;
        };
    }

    /// Applies a request; the response holds the alarms that it was about.
    static Outcome apply(EntryBatch batch, int keyspace, AlarmRequest request) {
        Keyspace before = batch.keyspace(keyspace);
        AlarmMember subject =
                AlarmMember.newBuilder()
                        .setMemberID(request.getMemberID())
                        .setAlarm(request.getAlarm())
                        .build();
        boolean stands = before.alarms().contains(subject);
        AlarmResponse.Builder response =
                AlarmResponse.newBuilder().setHeader(KeyOperations.header(before.revision()));
        switch (request.getAction()) {
            case GET -> response.addAllAlarms(matching(before.alarms(), request.getAlarm()));
            case ACTIVATE -> {
                if (stands) {
                    response.addAlarms(subject);
                } else if (before.alarms().size() >= ALARMS_MAX) {
                    return new Outcome.Refused(Refusal.TOO_MANY_REQUESTS);
                } else if (request.getAlarm() == AlarmType.NOSPACE
                        || request.getAlarm() == AlarmType.CORRUPT) {
                    batch.setAlarms(keyspace, with(before.alarms(), subject));
                    response.addAlarms(subject);
                }
            }
            case DEACTIVATE -> {
                if (stands) {
                    batch.setAlarms(keyspace, without(before.alarms(), subject));
                    response.addAlarms(subject);
                }
            }
            case UNRECOGNIZED -> {
                // Nothing that is known to be asked for.
            }
        }
        return new Outcome.Applied(response.build(), before.revision());
    }

    private static List<AlarmMember> matching(List<AlarmMember> alarms, AlarmType type) {
        return alarms.stream()
                .filter(alarm -> type == AlarmType.NONE || alarm.getAlarm() == type)
                .toList();
    }

    private static List<AlarmMember> with(List<AlarmMember> alarms, AlarmMember added) {
        List<AlarmMember> all = new ArrayList<>(alarms);
        all.add(added);
        all.sort(ORDER);
        return all;
    }

    private static List<AlarmMember> without(List<AlarmMember> alarms, AlarmMember removed) {
        return alarms.stream().filter(alarm -> !alarm.equals(removed)).toList();
    }
}
