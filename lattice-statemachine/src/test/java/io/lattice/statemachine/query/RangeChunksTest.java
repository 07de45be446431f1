package io.lattice.statemachine.query;

import static io.lattice.statemachine.apply.Requests.command;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.range;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Command;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.ResponseHeader;
import io.lattice.statemachine.apply.StoreDriver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RangeChunksTest {
    private static final int KEYS = 100;
    private static final int LARGE = 1 << 20;

    @TempDir Path root;

    private StoreDriver driver;

    @BeforeEach
    void fill() {
        driver = StoreDriver.create(root);
        List<Command> puts = new ArrayList<>();
        for (int i = 0; i < KEYS; i++) {
            puts.add(command(put(String.format("k%03d", i), "v")));
        }
        driver.apply(puts);
    }

    @AfterEach
    void close() {
        driver.close();
    }

    @Test
    void chunksDoubleWhileSmall() {
        List<RangeResponse> chunks = stream(range("k", "l"), LARGE);

        assertThat(chunks).extracting(RangeResponse::getKvsCount).containsExactly(10, 20, 40, 30);
    }

    @Test
    void chunksShrinkWhileLarge() {
        List<RangeResponse> chunks = stream(range("k", "l"), 20);

        assertThat(chunks.subList(0, 5))
                .extracting(RangeResponse::getKvsCount)
                .containsExactly(10, 5, 2, 1, 1);
        assertThat(chunks.stream().mapToInt(RangeResponse::getKvsCount).sum()).isEqualTo(KEYS);
    }

    @Test
    void onlyTheLastChunkHasHeaderMoreAndCount() {
        List<RangeResponse> chunks =
                stream(range("k", "l").toBuilder().setLimit(15).build(), LARGE);

        assertThat(chunks).hasSize(2);
        assertThat(chunks.getFirst().hasHeader()).isFalse();
        assertThat(chunks.getFirst().getMore()).isFalse();
        assertThat(chunks.getFirst().getCount()).isZero();
        RangeResponse last = chunks.getLast();
        assertThat(last.getHeader())
                .isEqualTo(ResponseHeader.newBuilder().setRevision(101).build());
        assertThat(last.getMore()).isTrue();
        assertThat(last.getCount()).isEqualTo(KEYS);
        assertThat(last.getKvsCount()).isEqualTo(5);
    }

    @Test
    void emptyAnswerAndCountAreOneChunk() {
        assertThat(stream(range("x", "y"), LARGE))
                .containsExactly(
                        RangeResponse.newBuilder()
                                .setHeader(ResponseHeader.newBuilder().setRevision(101))
                                .build());
        assertThat(stream(range("k", "l").toBuilder().setCountOnly(true).build(), LARGE))
                .containsExactly(
                        RangeResponse.newBuilder()
                                .setHeader(ResponseHeader.newBuilder().setRevision(101))
                                .setCount(KEYS)
                                .build());
    }

    @Test
    void sortTargetWithoutOrderStillEnds() {
        RangeRequest request =
                range("k", "l").toBuilder().setSortTarget(RangeRequest.SortTarget.VERSION).build();

        List<RangeResponse> chunks = stream(request, 20);

        assertThat(chunks.stream().mapToInt(RangeResponse::getKvsCount).sum()).isEqualTo(KEYS);
    }

    private List<RangeResponse> stream(RangeRequest request, int chunkBytes) {
        return driver.read(query -> {
            List<RangeResponse> chunks = new ArrayList<>();
            query.rangeStream(StoreDriver.KEYSPACE, request, chunkBytes)
                    .forEachRemaining(chunks::add);
            return chunks;
        });
    }
}
