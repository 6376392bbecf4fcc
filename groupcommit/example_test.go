package groupcommit_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed-51359b35/recovery/groupcommit"
)

// Many callers write rows to a database that commits them together.
func Example() {
	insert := func(ctx context.Context, rows []string, ids []int) error {
		// One INSERT of all rows, which returns their IDs. Its error would be
		// that of all callers.
		for i, row := range rows {
			ids[i] = len(row)
		}
		return nil
	}
	group := groupcommit.New(insert, groupcommit.Options[string]{})

	var callers sync.WaitGroup
	for _, row := range []string{"a", "bb", "ccc"} {
		callers.Go(func() {
			id, err := group.Do(context.Background(), row)
			if err != nil || id != len(row) {
				fmt.Println("failed:", err)
			}
		})
	}
	callers.Wait()
	fmt.Println("all rows are written")
	// Output: all rows are written
}
