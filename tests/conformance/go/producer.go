// Event hubs that a user made, written with azeventhubs.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs"
)

// Keys and what Event Hubs' hash says of them.
var hashes = map[string]int{"a": -16220, "7": -15263, "131": 30562, "abc": -14161, "device-1": 26788,
	"dev-000001": 4256, "contoso-device-1": -16538, "temperature-sensor-0042": 19978,
	"this is a key longer than twelve bytes": 21294, "é": -24812}

const partitions = 16

// makeHub makes an event hub over the server's own socket.
func makeHub(name string) error {
	path := filepath.Join(os.Getenv("HUB_DATA"), "azimuth.sock")
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	request, err := http.NewRequest("PUT", "http://localhost/admin/v1/event-hubs/"+name,
		strings.NewReader(fmt.Sprintf(`{"properties":{"partitionCount":%d}}`, partitions)))
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	return equal("the status", answer.StatusCode, 200)
}

// producing runs f with a producer of a new event hub and with a consumer of it.
func producing(name string, f func(context.Context, *azeventhubs.ProducerClient, *azeventhubs.ConsumerClient) error) error {
	if err := makeHub(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	pem, err := os.ReadFile(os.Getenv("HUB_CA"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	text := regexp.MustCompile("EntityPath=[^;]*").ReplaceAllString(os.Getenv("HUB_EVENTS"), "EntityPath="+name)
	producer, err := azeventhubs.NewProducerClientFromConnectionString(text, "", &azeventhubs.ProducerClientOptions{
		TLSConfig:    &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		RetryOptions: azeventhubs.RetryOptions{MaxRetries: -1},
	})
	if err != nil {
		return err
	}
	defer producer.Close(context.Background())
	consumer, err := connect(text, group)
	if err != nil {
		return err
	}
	defer consumer.Close(context.Background())
	return f(ctx, producer, consumer)
}

func sendBatch(ctx context.Context, producer *azeventhubs.ProducerClient, options *azeventhubs.EventDataBatchOptions, bodies ...string) error {
	batch, err := producer.NewEventDataBatch(ctx, options)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		if err := batch.AddEventData(&azeventhubs.EventData{Body: []byte(body)}, nil); err != nil {
			return err
		}
	}
	return producer.SendEventDataBatch(ctx, batch, nil)
}

func keysGoToTheirPartition(ctx context.Context, producer *azeventhubs.ProducerClient, consumer *azeventhubs.ConsumerClient) error {
	for key := range hashes {
		key := key
		if err := sendBatch(ctx, producer, &azeventhubs.EventDataBatchOptions{PartitionKey: &key}, key); err != nil {
			return err
		}
	}
	all, err := everything(ctx, consumer)
	if err != nil {
		return err
	}
	seen := 0
	for id, events := range all {
		for _, event := range events {
			hash := hashes[string(event.Body)]
			if hash < 0 {
				hash = -hash
			}
			seen++
			if err := first(equal("the partition", id, fmt.Sprint(hash%partitions)),
				equal("the key", *event.PartitionKey, string(event.Body))); err != nil {
				return err
			}
		}
	}
	return equal("the events", seen, len(hashes))
}

func batchesGoToAPartition(ctx context.Context, producer *azeventhubs.ProducerClient, consumer *azeventhubs.ConsumerClient) error {
	id := "5"
	if err := sendBatch(ctx, producer, &azeventhubs.EventDataBatchOptions{PartitionID: &id}, "one", "two", "three"); err != nil {
		return err
	}
	info, err := producer.GetPartitionProperties(ctx, id, nil)
	if err != nil {
		return err
	}
	return equal("the last number", info.LastEnqueuedSequenceNumber, int64(2))
}

func produce() bool {
	with := func(name string, f func(context.Context, *azeventhubs.ProducerClient, *azeventhubs.ConsumerClient) error) func() error {
		return func() error { return producing(name, f) }
	}
	return runAll("go producer", []check{
		{"keys go where the hash of Event Hubs says", with("go-keys", keysGoToTheirPartition)},
		{"a batch goes to the partition that was chosen", with("go-batch", batchesGoToAPartition)},
	})
}
