package io.lattice.gateway.observability;

import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import java.util.ArrayList;
import java.util.List;

/// Builds the metric families of one scrape. Used by one thread.
final class Families {
    private final List<Family> families = new ArrayList<>();

    List<MetricFamilySamples> toList() {
        return families.stream().map(Family::build).toList();
    }

    void gauge(String name, String help, long value) {
        gauge(name, help, (double) value);
    }

    void gauge(String name, String help, double value) {
        labelled(name, Collector.Type.GAUGE, help).add(value);
    }

    /// `name` ends in `_total`.
    void counter(String name, String help, long value) {
        labelled(name, Collector.Type.COUNTER, help).add(value);
    }

    void histogram(String name, String help, DurationHistogram.Reading reading) {
        labelled(name, Collector.Type.HISTOGRAM, help).add(reading);
    }

    /// A family whose samples are told apart by labels; one without samples shows its name and type only.
    Family labelled(String name, Collector.Type type, String help, String... labels) {
        Family family = new Family(name, type, help, List.of(labels));
        families.add(family);
        return family;
    }

    /// Adds the samples of one family.
    static final class Family {
        private final String name;
        private final Collector.Type type;
        private final String help;
        private final List<String> labels;
        private final List<Sample> samples = new ArrayList<>();

        private Family(String name, Collector.Type type, String help, List<String> labels) {
            this.name = name;
            this.type = type;
            this.help = help;
            this.labels = labels;
        }

        private MetricFamilySamples build() {
            return new MetricFamilySamples(name, type, help, samples);
        }

        /// Exact up to 2^53, as all that Prometheus takes.
        void add(long value, String... labelValues) {
            add((double) value, labelValues);
        }

        void add(double value, String... labelValues) {
            samples.add(new Sample(name, labels, List.of(labelValues), value));
        }

        void add(DurationHistogram histogram, String... labelValues) {
            add(histogram.read(), labelValues);
        }

        void add(DurationHistogram.Reading reading, String... labelValues) {
            List<String> bucketLabels = new ArrayList<>(labels);
            bucketLabels.add("le");
            for (int i = 0; i < reading.cumulative().size(); i++) {
                List<String> values = new ArrayList<>(List.of(labelValues));
                values.add(
                        i < reading.boundsSeconds().size()
                                ? Double.toString(reading.boundsSeconds().get(i))
                                : "+Inf");
                samples.add(
                        new Sample(
                                name + "_bucket",
                                bucketLabels,
                                values,
                                reading.cumulative().get(i)));
            }
            samples.add(
                    new Sample(
                            name + "_count",
                            labels,
                            List.of(labelValues),
                            (double) reading.count()));
            samples.add(
                    new Sample(name + "_sum", labels, List.of(labelValues), reading.sumSeconds()));
        }
    }
}
