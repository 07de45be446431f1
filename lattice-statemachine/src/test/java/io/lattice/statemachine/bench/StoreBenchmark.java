package io.lattice.statemachine.bench;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.StateStore;
import io.lattice.statemachine.mvcc.ReadView;
import io.lattice.statemachine.query.QueryExecutor;
import io.lattice.statemachine.storage.StoreOptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.stream.Stream;

/// Cost of applying and reading, in CPU time of the calling thread and of the whole process (which adds RocksDB's background
/// threads, the JIT compiler and the collector).
///
/// Arguments: keys (default 100,000), value bytes (256), rounds (5). `-Dbench.part=put|put500|get|scan` runs a part.
public final class StoreBenchmark {
    private static final int PUTS_PER_ROUND = 200_000;
    private static final int READS_PER_ROUND = 200_000;
    private static final int SCANS_PER_ROUND = 2_000;
    private static final int SCAN_KEYS = 500;

    private final StateStore store;
    private final int keys;
    private final int valueBytes;
    private final Random random = new Random(1);
    private long index;

    private StoreBenchmark(StateStore store, int keys, int valueBytes) {
        this.store = store;
        this.keys = keys;
        this.valueBytes = valueBytes;
    }

    /// Runs all measurements.
    public static void main(String[] args) throws IOException {
        int keys = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
        int valueBytes = args.length > 1 ? Integer.parseInt(args[1]) : 256;
        int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 5;
        Path directory = Files.createTempDirectory("store-benchmark");
        try (StateStore store =
                StateStore.open(
                        directory,
                        new StoreOptions(
                                256 << 20,
                                Long.getLong("t.mem", 128 << 20),
                                0,
                                1 << 18,
                                2,
                                1024))) {
            new StoreBenchmark(store, keys, valueBytes).run(rounds);
        } finally {
            delete(directory);
        }
    }

    private void run(int rounds) {
        String part = System.getProperty("bench.part", "all");
        puts(500);
        for (int round = 1; round <= rounds; round++) {
            System.out.printf("round %d%n", round);
            if (part.equals("all") || part.equals("put")) {
                for (int batch : new int[] {1, 10, 100, 500}) {
                    puts(batch);
                }
            }
            if (part.equals("put500")) {
                puts(500);
            }
            if (part.equals("all") || part.equals("get")) {
                reads();
            }
            if (part.equals("all") || part.equals("scan")) {
                scans();
            }
        }
    }

    private void puts(int batchSize) {
        int batches = Math.min(PUTS_PER_ROUND / batchSize, 20_000);
        CommandBatch[] prepared = new CommandBatch[batches];
        for (int i = 0; i < batches; i++) {
            prepared[i] = batch(batchSize);
        }
        measure(
                "put, batches of " + batchSize,
                batches,
                batchSize,
                i -> {
                    index++;
                    var outcomes =
                            store.apply(new LogPosition(1, index), prepared[i], origin -> true);
                    if (outcomes.getFirst().size() != batchSize) {
                        throw new IllegalStateException("outcomes are missing");
                    }
                });
    }

    private CommandBatch batch(int size) {
        Proposal.Builder proposal = Proposal.newBuilder().setOrigin(1);
        for (int i = 0; i < size; i++) {
            byte[] value = new byte[valueBytes];
            random.nextBytes(value);
            proposal.addCommands(
                    Command.newBuilder()
                            .setKeyspace(1)
                            .setPut(
                                    PutRequest.newBuilder()
                                            .setKey(key(random.nextInt(keys)))
                                            .setValue(ByteString.copyFrom(value))));
        }
        return CommandBatch.newBuilder().addProposals(proposal).build();
    }

    private void reads() {
        RangeRequest[] prepared = new RangeRequest[READS_PER_ROUND];
        for (int i = 0; i < READS_PER_ROUND; i++) {
            prepared[i] = RangeRequest.newBuilder().setKey(key(random.nextInt(keys))).build();
        }
        measure("get one key", READS_PER_ROUND, 1, i -> read(prepared[i]));
    }

    private void scans() {
        measure(
                "range of " + SCAN_KEYS + " keys",
                SCANS_PER_ROUND,
                1,
                i -> {
                    int from = random.nextInt(Math.max(1, keys - SCAN_KEYS));
                    read(
                            RangeRequest.newBuilder()
                                    .setKey(key(from))
                                    .setRangeEnd(key(from + SCAN_KEYS))
                                    .build());
                });
    }

    private void read(RangeRequest request) {
        try (ReadView view = store.view()) {
            new QueryExecutor(view).range(1, request);
        }
    }

    private static ByteString key(int number) {
        return ByteString.copyFromUtf8(String.format(Locale.ROOT, "/registry/%06d", number));
    }

    private static void measure(String name, int calls, int operationsPerCall, IntConsumer call) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        var os =
                (com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean();
        long process = os.getProcessCpuTime();
        long thread = threads.getCurrentThreadCpuTime();
        long start = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            call.accept(i);
        }
        double operations = (double) calls * operationsPerCall * 1000;
        System.out.printf(
                Locale.ROOT,
                "  %-24s %7.2f us wall, %7.2f us thread CPU, %7.2f us process CPU%n",
                name,
                (System.nanoTime() - start) / operations,
                (threads.getCurrentThreadCpuTime() - thread) / operations,
                (os.getProcessCpuTime() - process) / operations);
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
