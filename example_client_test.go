package durable_test

import (
	"fmt"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/go-durable/durable"
)

// Identify by Entra ID, which needs no secret.
func ExampleNewOrchestrationClient() {
	var cred azcore.TokenCredential // such as from azidentity.NewDefaultAzureCredential
	client, err := durable.NewOrchestrationClient(durable.AccountEndpoints("mystorage"), "MyHub", cred, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.TaskHub())
}

// Use the connection string that the app itself uses.
func ExampleNewOrchestrationClientFromConnectionString() {
	connection := os.Getenv("AzureWebJobsStorage")
	if connection == "" {
		connection = "UseDevelopmentStorage=true" // the storage emulator
	}
	client, err := durable.NewOrchestrationClientFromConnectionString(connection, "MyHub", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.TaskHub())
	// Output: MyHub
}

// A shared access signature needs no account key.
func ExampleNewOrchestrationClientWithSAS() {
	sas := "sv=2025-07-05&ss=bqt&srt=sco&sp=rwdlacup&se=2030-01-01T00%3A00%3A00Z&sig=c2VjcmV0"
	client, err := durable.NewOrchestrationClientWithSAS(durable.AccountEndpoints("mystorage"), "MyHub", sas, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.TaskHub())
	// Output: MyHub
}

// Other clouds, private endpoints and custom domains have endpoints of their own.
func ExampleNewOrchestrationClientWithSharedKey() {
	endpoints := durable.Endpoints{
		Table: "https://mystorage.table.core.chinacloudapi.cn",
		Queue: "https://mystorage.queue.core.chinacloudapi.cn",
		Blob:  "https://mystorage.blob.core.chinacloudapi.cn",
	}
	client, err := durable.NewOrchestrationClientWithSharedKey(endpoints, "MyHub", "mystorage", "c2VjcmV0", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.TaskHub())
	// Output: MyHub
}
