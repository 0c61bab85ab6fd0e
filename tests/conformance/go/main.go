// The stream read with azeventhubs, Microsoft's Event Hubs client for Go. The environment says where
// the hub is and what ../node/feed.js has sent (set by ../suite.py).
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sort"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs"
)

var group = azeventhubs.DefaultConsumerGroup

func connect(connectionString, consumerGroup string) (*azeventhubs.ConsumerClient, error) {
	pem, err := os.ReadFile(os.Getenv("HUB_CA"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return azeventhubs.NewConsumerClientFromConnectionString(connectionString, "", consumerGroup,
		&azeventhubs.ConsumerClientOptions{
			TLSConfig:    &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			RetryOptions: azeventhubs.RetryOptions{MaxRetries: -1},
		})
}

// with runs f with a client of the hub's stream and a minute of time.
func with(f func(context.Context, *azeventhubs.ConsumerClient) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client, err := connect(os.Getenv("HUB_EVENTS"), group)
	if err != nil {
		return err
	}
	defer client.Close(context.Background())
	return f(ctx, client)
}

// read returns `count` events of a partition from a position on.
func read(ctx context.Context, client *azeventhubs.ConsumerClient, partition string, count int,
	from azeventhubs.StartPosition) ([]*azeventhubs.ReceivedEventData, error) {
	reader, err := client.NewPartitionClient(partition, &azeventhubs.PartitionClientOptions{StartPosition: from})
	if err != nil {
		return nil, err
	}
	defer reader.Close(context.Background())
	var events []*azeventhubs.ReceivedEventData
	for len(events) < count {
		some, err := reader.ReceiveEvents(ctx, count-len(events), nil)
		if err != nil {
			return events, fmt.Errorf("after %d of %d events: %w", len(events), count, err)
		}
		events = append(events, some...)
	}
	return events, nil
}

// everything returns all events of all partitions, and that their numbers have no gaps.
func everything(ctx context.Context, client *azeventhubs.ConsumerClient) (map[string][]*azeventhubs.ReceivedEventData, error) {
	hub, err := client.GetEventHubProperties(ctx, nil)
	if err != nil {
		return nil, err
	}
	earliest, all := true, map[string][]*azeventhubs.ReceivedEventData{}
	for _, id := range hub.PartitionIDs {
		info, err := client.GetPartitionProperties(ctx, id, nil)
		if err != nil {
			return nil, err
		}
		events, err := read(ctx, client, id, int(info.LastEnqueuedSequenceNumber+1), azeventhubs.StartPosition{Earliest: &earliest})
		if err != nil {
			return nil, err
		}
		for n, event := range events {
			if err := first(equal("the number", event.SequenceNumber, int64(n))); err != nil {
				return nil, err
			}
		}
		all[id] = events
	}
	return all, nil
}

func describes(ctx context.Context, client *azeventhubs.ConsumerClient) error {
	hub, err := client.GetEventHubProperties(ctx, nil)
	if err != nil {
		return err
	}
	sort.Strings(hub.PartitionIDs)
	return equal("the partitions", hub.PartitionIDs, []string{"0", "1", "2", "3"})
}

func feedArrives(ctx context.Context, client *azeventhubs.ConsumerClient) error {
	plans, err := readPlans(os.Getenv("HUB_FEED"))
	if err != nil {
		return err
	}
	all, err := everything(ctx, client)
	if err != nil {
		return err
	}
	next := map[string][]plan{}
	for _, one := range plans {
		next[one.DeviceID] = append(next[one.DeviceID], one)
	}
	for _, events := range all {
		for _, event := range events {
			if left := next[deviceOf(event)]; len(left) > 0 {
				if err := compare(event, left[0]); err != nil {
					return err
				}
				next[deviceOf(event)] = left[1:]
			}
		}
	}
	for device, left := range next {
		if err := equal("what is missing of "+device, len(left), 0); err != nil {
			return err
		}
	}
	return nil
}

// busiest returns a partition with at least `count` events, and its events.
func busiest(ctx context.Context, client *azeventhubs.ConsumerClient, count int) (string, []*azeventhubs.ReceivedEventData, error) {
	all, err := everything(ctx, client)
	if err != nil {
		return "", nil, err
	}
	for id, events := range all {
		if len(events) >= count {
			return id, events, nil
		}
	}
	return "", nil, errors.New("no partition has enough events")
}

func positionsStart(ctx context.Context, client *azeventhubs.ConsumerClient) error {
	id, events, err := busiest(ctx, client, 10)
	if err != nil {
		return err
	}
	at, when := events[5].SequenceNumber, events[5].EnqueuedTime.Add(-time.Millisecond)
	for _, one := range []struct {
		what   string
		from   azeventhubs.StartPosition
		wanted int64
	}{
		{"behind an offset", azeventhubs.StartPosition{Offset: &events[5].Offset}, at + 1},
		{"with an offset", azeventhubs.StartPosition{Offset: &events[5].Offset, Inclusive: true}, at},
		{"behind a number", azeventhubs.StartPosition{SequenceNumber: &at}, at + 1},
		{"with a number", azeventhubs.StartPosition{SequenceNumber: &at, Inclusive: true}, at},
	} {
		some, err := read(ctx, client, id, 1, one.from)
		if err = first(err); err != nil {
			return fmt.Errorf("%s: %w", one.what, err)
		}
		if err := equal(one.what, some[0].SequenceNumber, one.wanted); err != nil {
			return err
		}
	}
	some, err := read(ctx, client, id, 1, azeventhubs.StartPosition{EnqueuedTime: &when})
	if err != nil {
		return err
	}
	if some[0].EnqueuedTime.Before(when) || some[0].SequenceNumber > at {
		return fmt.Errorf("from %v starts at %v", when, some[0].EnqueuedTime)
	}
	return nil
}

func refused(err error, code azeventhubs.ErrorCode) error {
	var known *azeventhubs.Error
	if err == nil {
		return errors.New("it should have been refused")
	}
	if code != "" && (!errors.As(err, &known) || known.Code != code) {
		return fmt.Errorf("the refusal is not %s: %w", code, err)
	}
	return nil
}

func wrongKeyRefused(ctx context.Context, _ *azeventhubs.ConsumerClient) error {
	wrong := regexp.MustCompile(`SharedAccessKey=[^;]*`).ReplaceAllString(os.Getenv("HUB_EVENTS"),
		"SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	client, err := connect(wrong, group)
	if err != nil {
		return err
	}
	defer client.Close(context.Background())
	earliest := true
	_, err = read(ctx, client, "0", 1, azeventhubs.StartPosition{Earliest: &earliest})
	return refused(err, azeventhubs.ErrorCodeUnauthorizedAccess)
}

func unknownRefused(ctx context.Context, client *azeventhubs.ConsumerClient) error {
	stranger, err := connect(os.Getenv("HUB_EVENTS"), "nobody")
	if err != nil {
		return err
	}
	defer stranger.Close(context.Background())
	earliest := azeventhubs.StartPosition{Earliest: new(bool)}
	*earliest.Earliest = true
	_, noGroup := read(ctx, stranger, "0", 1, earliest)
	_, noPartition := read(ctx, client, "99", 1, earliest)
	return first(refused(noGroup, ""), refused(noPartition, ""))
}

func levelsSteal(ctx context.Context, client *azeventhubs.ConsumerClient) error {
	open := func(level int64) (*azeventhubs.PartitionClient, error) {
		earliest := true
		reader, err := client.NewPartitionClient("0", &azeventhubs.PartitionClientOptions{
			OwnerLevel: &level, Prefetch: -1, StartPosition: azeventhubs.StartPosition{Earliest: &earliest}})
		if err == nil {
			_, err = reader.ReceiveEvents(ctx, 1, nil)
		}
		return reader, err
	}
	low, err := open(1)
	if err != nil {
		return err
	}
	defer low.Close(context.Background())
	high, err := open(2)
	if err != nil {
		return err
	}
	defer high.Close(context.Background())
	_, stolen := low.ReceiveEvents(ctx, 1, nil)
	_, again := open(1)
	return first(refused(stolen, azeventhubs.ErrorCodeOwnershipLost), refused(again, azeventhubs.ErrorCodeOwnershipLost))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "producer" {
		if !produce() {
			os.Exit(1)
		}
		return
	}
	bound := func(f func(context.Context, *azeventhubs.ConsumerClient) error) func() error {
		return func() error { return with(f) }
	}
	good := runAll("go consumer", []check{
		{"the hub describes itself", bound(describes)},
		{"the feed arrives message for message, and numbers have no gaps", bound(feedArrives)},
		{"every position starts where it says", bound(positionsStart)},
		{"a wrong key is unauthorized", bound(wrongKeyRefused)},
		{"an unknown group and partition are refused", bound(unknownRefused)},
		{"a higher owner level takes the partition", bound(levelsSteal)},
	})
	if !good {
		os.Exit(1)
	}
}
